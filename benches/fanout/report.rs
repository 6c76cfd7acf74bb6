//! Writes tables of medians, the figures that have a bar, and all runs as JSON.

use std::{fs, io, path::Path};

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::{
    Options, Outcome, proc,
    scenarios::{Figures, Scenario},
    servers::Kind,
};

/// A bar: the value that a figure of this server should reach.
struct Bar {
    figure: &'static str,
    /// The server by whose figure this server's figure is divided; `None` if it is not divided.
    against: Option<Kind>,
    bound: Bound,
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// The bars of a scenario.
fn bars(scenario: Scenario) -> Vec<Bar> {
    use Bound::{AtLeast, AtMost};
    use Kind::{Limit, Naive};
    let bar = |figure, against, bound| Bar { figure, against, bound };
    match scenario {
        Scenario::Paced => vec![bar("µs/delivery", Some(Limit), AtMost(1.15)), bar("p99 ms", Some(Limit), AtMost(1.2))],
        Scenario::Burst => vec![
            bar("deliveries/s", Some(Naive), AtLeast(2.5)),
            bar("deliveries/s", Some(Limit), AtLeast(9.0)),
            bar("µs/delivery", Some(Naive), AtMost(0.4)),
            bar("p99 ms", Some(Naive), AtMost(0.4)),
        ],
        Scenario::Idle => vec![
            bar("bytes/conn", None, AtMost(1_150.0)),
            bar("start ms", None, AtMost(50.0)),
            bar("stop ms", None, AtMost(2_000.0)),
        ],
        Scenario::Fairness => vec![bar("p99 / quiet", None, AtMost(1.2))],
        Scenario::Isolation | Scenario::Snapshots | Scenario::Pages => vec![bar("p99 / quiet", None, AtMost(1.5))],
        Scenario::PingFlood
        | Scenario::PongFlood
        | Scenario::FragmentFlood
        | Scenario::PageFlood
        | Scenario::AbandonedLists => vec![
            bar("B p50 ms", None, AtMost(3.0)),
            bar("B p99 ms", None, AtMost(25.0)),
            bar("A p50 ms", None, AtMost(10.0)),
        ],
        Scenario::Unread => {
            vec![bar("kernel kB each", None, AtMost(300.0)), bar("RSS kB each", None, AtMost(30.0))]
        }
        Scenario::SlowList => vec![bar("complete", None, AtLeast(1.0))],
        Scenario::NodesPaced => {
            vec![bar("p50 ms more", None, AtMost(2.0)), bar("p99 ms more", None, AtMost(8.0))]
        }
        Scenario::NodesBurst => vec![
            bar("accepted/s", None, AtLeast(8_000.0)),
            bar("engine µs/event", None, AtMost(60.0)),
            bar("engine MB at most", None, AtMost(40.0)),
        ],
        Scenario::NodesNewEpoch => {
            vec![bar("at once: back s", None, AtMost(3.0)), bar("later: back s", None, AtMost(3.0))]
        }
        Scenario::NodesCutOff => vec![bar("list complete ms", None, AtMost(1_000.0))],
    }
}

/// All runs so far.
pub(crate) struct Report<'a> {
    options: &'a Options,
    runs: Vec<Run>,
}

struct Run {
    scenario: Scenario,
    kind: Kind,
    repetition: u32,
    result: Result<Figures, String>,
}

impl<'a> Report<'a> {
    pub(crate) const fn new(options: &'a Options) -> Self {
        Self { options, runs: Vec::new() }
    }

    pub(crate) fn add(&mut self, scenario: Scenario, kind: Kind, repetition: u32, result: Outcome<Figures>) {
        match &result {
            Err(void) => eprintln!("  void: {void}"),
            Ok(Figures { doubt: Some(doubt), .. }) => eprintln!("  doubtful: {doubt}"),
            Ok(_) => {}
        }
        self.runs.push(Run { scenario, kind, repetition, result: result.map_err(|void| void.to_string()) });
    }

    /// Prints the table of one scenario, and its figures that have a bar.
    pub(crate) fn print(&self, scenario: Scenario) {
        println!("\n{}: {}", scenario.name(), scenario.describe(self.options));
        let names = self.names(scenario);
        let mut rows = vec![vec![String::from("server")]];
        rows[0].extend(names.iter().map(ToString::to_string));
        rows[0].push(String::from("runs"));
        for kind in self.options.servers.iter().filter(|kind| scenario.applies_to(**kind)) {
            let mut row = vec![kind.name().to_owned()];
            row.extend(names.iter().map(|name| self.median(scenario, *kind, name).map_or_else(|| "–".into(), number)));
            row.push(self.tally(scenario, *kind));
            rows.push(row);
        }
        let count = rows[0].len();
        let widths: Vec<_> =
            (0..count).map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0)).collect();
        for row in rows {
            let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
            println!("  {}", cells.join("  "));
        }
        for bar in bars(scenario) {
            if let Some(value) = self.ratio(scenario, &bar) {
                println!("  {}: {} (bar: {})", bar.label(), number(value), bar.bound.label());
            }
        }
    }

    /// Writes every run and the medians.
    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        let options = self.options;
        let runs: Vec<_> = self
            .runs
            .iter()
            .map(|run| {
                let (figures, void, doubt) = match &run.result {
                    Ok(figures) => (object(figures.values.iter().copied()), None, figures.doubt.as_ref()),
                    Err(void) => (Value::Null, Some(void), None),
                };
                json!({ "scenario": run.scenario.name(), "server": run.kind.name(), "repetition": run.repetition,
                    "figures": figures, "void": void, "doubt": doubt })
            })
            .collect();
        let mut medians = Map::new();
        for scenario in &options.scenarios {
            let names = self.names(*scenario);
            let of =
                |kind: Kind| object(names.iter().filter_map(|name| Some((*name, self.median(*scenario, kind, name)?))));
            let servers = options.servers.iter().filter(|kind| scenario.applies_to(**kind));
            let servers: Map<_, _> = servers.map(|kind| (kind.name().to_owned(), of(*kind))).collect();
            medians
                .insert(scenario.name().to_owned(), json!({ "load": scenario.describe(options), "servers": servers }));
        }
        let all = options.scenarios.iter().flat_map(|scenario| bars(*scenario).into_iter().map(|bar| (*scenario, bar)));
        let bars: Vec<_> = all
            .filter_map(|(scenario, bar)| {
                let value = self.ratio(scenario, &bar)?;
                Some(json!({ "scenario": scenario.name(), "figure": bar.label(), "value": value, "bar": bar.bound.label() }))
            })
            .collect();
        let report = json!({ "repetitions": options.repetitions, "medians": medians, "bars": bars, "runs": runs });
        write_dated(file, report)
    }

    /// Checks that no run was void.
    ///
    /// # Errors
    /// If a run was void.
    pub(crate) fn verdict(&self) -> Outcome<()> {
        match self.runs.iter().filter(|run| run.result.is_err()).count() {
            0 => Ok(()),
            void => Err(format!("{void} of {} runs are void", self.runs.len()).into()),
        }
    }

    fn names(&self, scenario: Scenario) -> Vec<&'static str> {
        let mut names = Vec::new();
        for figures in
            self.runs.iter().filter(|run| run.scenario == scenario).filter_map(|run| run.result.as_ref().ok())
        {
            for (name, _) in &figures.values {
                if !names.contains(name) {
                    names.push(*name);
                }
            }
        }
        names
    }

    /// The median over the runs that are not void.
    fn median(&self, scenario: Scenario, kind: Kind, name: &str) -> Option<f64> {
        let runs = self.runs.iter().filter(|run| run.scenario == scenario && run.kind == kind);
        let figures = runs.filter_map(|run| run.result.as_ref().ok());
        let mut values: Vec<_> =
            figures.filter_map(|figures| Some(figures.values.iter().find(|(own, _)| *own == name)?.1)).collect();
        values.sort_by(f64::total_cmp);
        let (lower, upper) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
        Some(f64::midpoint(*lower, *upper))
    }

    /// The figure of a bar, divided by that of another server if the bar needs it. `None` if a figure is missing.
    fn ratio(&self, scenario: Scenario, bar: &Bar) -> Option<f64> {
        let ours = self.median(scenario, Kind::Ours, bar.figure)?;
        match bar.against {
            Some(kind) => Some(ours / self.median(scenario, kind, bar.figure)?),
            None => Some(ours),
        }
    }

    /// The number of runs, and how many of them are void or doubtful.
    fn tally(&self, scenario: Scenario, kind: Kind) -> String {
        let runs = self.runs.iter().filter(|run| run.scenario == scenario && run.kind == kind);
        let (mut all, mut void, mut doubtful) = (0, 0, 0);
        for run in runs {
            all += 1;
            void += u32::from(run.result.is_err());
            doubtful += u32::from(run.result.as_ref().is_ok_and(|figures| figures.doubt.is_some()));
        }
        let mut text = all.to_string();
        if void > 0 {
            text += &format!(", {void} void");
        }
        if doubtful > 0 {
            text += &format!(", {doubtful} doubtful");
        }
        text
    }
}

/// Writes a report to a file, with the date and the machine.
pub(crate) fn write_dated(file: &Path, mut report: Value) -> io::Result<()> {
    report["date"] = json!(Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true));
    report["machine"] = json!(proc::machine());
    fs::write(file, format!("{report:#}\n"))
}

/// Writes the report of a long run, in which every delivery was verified. `further` has what only this kind of run counts.
pub(crate) fn write_verified(
    file: &Path,
    (connections, rate): (u32, u32),
    seconds: f64,
    deliveries: u64,
    mut further: Value,
) -> io::Result<()> {
    further["connections"] = json!(connections);
    further["rate"] = json!(rate);
    further["seconds"] = json!(seconds);
    further["deliveries"] = json!(deliveries);
    for violation in ["lost", "doubled", "moved", "leaked"] {
        further[violation] = json!(0); // one of these ends the run without a report
    }
    write_dated(file, further)
}

impl Bar {
    fn label(&self) -> String {
        match self.against {
            Some(kind) => format!("{}, ours / {}", self.figure, kind.name()),
            None => self.figure.to_owned(),
        }
    }
}

impl Bound {
    fn label(&self) -> String {
        match self {
            Self::AtMost(value) => format!("at most {value}"),
            Self::AtLeast(value) => format!("at least {value}"),
        }
    }
}

fn object(values: impl Iterator<Item = (&'static str, f64)>) -> Value {
    Value::Object(values.map(|(name, value)| (name.to_owned(), json!(value))).collect())
}

/// Formats a number with three significant digits, or with all digits before the point.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => {
            let digits = format!("{value:.0}");
            if size < 10_000.0 { digits } else { grouped(&digits) }
        }
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn grouped(digits: &str) -> String {
    let start = digits.len() % 3;
    let (first, rest) = digits.split_at(start);
    let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let all: Vec<_> = std::iter::once(first.to_owned()).filter(|first| !first.is_empty()).chain(groups).collect();
    all.join(",")
}
