//! How an event is accepted and fanned out.
