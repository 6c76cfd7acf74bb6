//! How a browser stays connected.
