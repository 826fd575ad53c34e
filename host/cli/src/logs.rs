//! `pintle logs`.

use std::collections::HashMap;
use std::io::Write as _;
use std::time::Duration;

use pintle_core::counter::Fence;
use pintle_core::ids::RunId;
use pintle_core::plan::{Plan, StepIndex};
use pintle_store::{Channel, LogName, Logs as _, Runs as _, Steps as _};

use crate::args::Logs;
use crate::context::{Context, remark};
use crate::failure::Exit;
use crate::join::House;
use crate::lost;
use crate::names::{self, find_steps};
use crate::threads::one_thread;

/// How often a run that goes on is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Each so many looks it is seen whether its process lives.
const LIVES: u32 = 10;
/// What a run's row says while nobody works on it.
const INTERRUPTED: &str = "interrupted";
/// Read at a time.
const CHUNK: usize = 256 * 1024;

/// Shows what steps printed: of each step its last claim and those that follow, or every one.
pub(crate) fn run(args: &Logs, context: &Context) -> anyhow::Result<Exit> {
    context.need_store()?;
    one_thread()?.block_on(async {
        let (house, row, _) = names::open(&args.run, context, Vec::new()).await?;
        let scene = house.scene(&row.id).await?;
        let named: Vec<String> = args.step.iter().cloned().collect();
        let only = find_steps(&scene.run.plan, &named)?.first().copied();
        let fan = only.and_then(|step| scene.run.plan.step(step)).and_then(|step| step.action.fan());
        if fan.is_some_and(|fan| fan.queued) {
            remark("what a step queues are runs of their own: `pintle history` lists them");
        } else if fan.is_some() {
            remark(&format!("the step's runs have logs of their own: `pintle status {}` lists them", row.id));
        }
        let channel = if args.stderr { Channel::Stderr } else { Channel::Stdout };
        let mut reader = Reader::new(&house, row.id, &scene.run.plan, only, channel, args.all);
        if args.follow {
            return follow(&house, reader).await;
        }
        reader.look().await?;
        reader.end();
        Ok(Exit::Success)
    })
}

/// Prints what comes, until nothing more can come. A process that was killed tells nobody: so it is looked for.
async fn follow(house: &House, mut reader: Reader<'_>) -> anyhow::Result<Exit> {
    let mut looks: u32 = 0;
    while reader.look().await? && !reader.gone {
        tokio::time::sleep(LOOK).await;
        looks = (looks + 1) % LIVES;
        if looks == 0 {
            house.recover_dead().await?;
        }
    }
    reader.end();
    let row = house.store.row(&reader.run).await?;
    if row.is_none_or(|row| row.waiting.as_deref() != Some(INTERRUPTED)) {
        return Ok(Exit::Success);
    }
    remark(&format!(
        "run {} is interrupted, the process that ran it is gone: `pintle start --resume {0}` goes on",
        reader.run
    ));
    Ok(Exit::Failed)
}

/// Reads on where it was.
struct Reader<'a> {
    house: &'a House,
    run: RunId,
    plan: &'a Plan,
    only: Option<StepIndex>,
    channel: Channel,
    /// From the first claim on, and each is named.
    all: bool,
    /// The first claim of each step that may still have more to say.
    from: HashMap<StepIndex, Fence>,
    offsets: HashMap<LogName, u64>,
    /// Beginnings of lines that have no end yet, where lines are prefixed.
    open: HashMap<StepIndex, Vec<u8>>,
    /// Whose lines were printed last, and that the last of them has no end.
    printed: Option<LogName>,
    mid_line: bool,
    /// Nobody reads any more.
    gone: bool,
}

impl<'a> Reader<'a> {
    fn new(house: &'a House, run: RunId, plan: &'a Plan, only: Option<StepIndex>, channel: Channel, all: bool) -> Self {
        let (from, offsets, open) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { house, run, plan, only, channel, all, from, offsets, open, printed: None, mid_line: false, gone: false }
    }

    /// Prints what is new; whether more may come.
    async fn look(&mut self) -> anyhow::Result<bool> {
        // First the status: what a run printed before it was over is read after that.
        let row = self.house.store.row(&self.run).await?;
        let more = row.is_some_and(|row| !row.status.is_terminal() && row.waiting.is_none());
        for step in self.house.store.steps(&self.run).await? {
            if self.only.is_none_or(|only| only == step.index) {
                self.look_at(step.index, step.fence).await?;
            }
        }
        Ok(more)
    }

    /// Up to the step's last claim. One that was over between two looks is read to its end before the next.
    async fn look_at(&mut self, step: StepIndex, last: Fence) -> anyhow::Result<()> {
        let first = if self.all { Fence::default() } else { last };
        let first = self.from.insert(step, last).unwrap_or(first);
        for fence in first.0..=last.0 {
            let fence = Fence(fence);
            self.read(&LogName { run: self.run.clone(), step, fence, channel: self.channel }).await?;
            if fence < last
                && let Some(line) = self.open.remove(&step)
            {
                self.end_line(step, line);
            }
        }
        Ok(())
    }

    async fn read(&mut self, log: &LogName) -> anyhow::Result<()> {
        let mut offset = self.offsets.get(log).copied().unwrap_or(0);
        loop {
            let bytes = self.house.store.read_log(log, offset, CHUNK).await?;
            if bytes.is_empty() || self.gone {
                break;
            }
            if self.printed.as_ref() != Some(log) {
                self.begin(log);
            }
            offset += bytes.len() as u64;
            self.print(log.step, &bytes);
        }
        self.offsets.insert(log.clone(), offset);
        Ok(())
    }

    /// What is printed now is of another log than what was printed last.
    fn begin(&mut self, log: &LogName) {
        if self.mid_line {
            self.write(b"\n");
        }
        if self.all {
            let name = self.plan.step(log.step).map_or("?", |step| step.name.as_str());
            self.write(format!("==> {name}, claim {} <==\n", log.fence).as_bytes());
        }
        self.printed = Some(log.clone());
    }

    fn print(&mut self, step: StepIndex, bytes: &[u8]) {
        if self.only.is_some() {
            return self.write(bytes);
        }
        let open = self.open.entry(step).or_default();
        open.extend_from_slice(bytes);
        let Some(end) = open.iter().rposition(|byte| *byte == b'\n') else { return };
        let rest = open.split_off(end + 1);
        let lines = std::mem::replace(open, rest);
        let prefixed = prefixed(self.plan, step, &lines);
        self.write(&prefixed);
    }

    /// Lines that never got an end.
    fn end(&mut self) {
        for (step, line) in std::mem::take(&mut self.open) {
            self.end_line(step, line);
        }
    }

    fn end_line(&mut self, step: StepIndex, mut line: Vec<u8>) {
        if !line.is_empty() {
            line.push(b'\n');
            let prefixed = prefixed(self.plan, step, &line);
            self.write(&prefixed);
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut out = std::io::stdout().lock();
        let written = out.write_all(bytes).and_then(|()| out.flush());
        self.mid_line = bytes.last().is_some_and(|last| *last != b'\n');
        self.gone |= written.is_err();
        lost::remember(written);
    }
}

/// `STEP | LINE`, as `pintle start` prints it in a pipe.
fn prefixed(plan: &Plan, step: StepIndex, lines: &[u8]) -> Vec<u8> {
    let name = plan.step(step).map_or("?", |step| step.name.as_str());
    let mut text = Vec::with_capacity(lines.len() + 64);
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b" | ");
        text.extend_from_slice(line);
    }
    text
}
