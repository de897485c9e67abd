//! Runs tasks whose storage calls wait for their turn, in every order that can make a difference.
//!
//! Two orders that differ only in neighbouring calls on different objects, or in neighbouring
//! reads, end alike: one of them is run (sleep sets, Godefroid 1996).
#![allow(
    clippy::use_debug,
    clippy::unwrap_used,
    reason = "an order is told to whoever mends the test; the lints spare test functions, not what they call"
)]

use std::fmt;
use std::sync::{Arc, Mutex};

use futures_channel::oneshot;
use futures_executor::LocalPool;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use futures_util::task::LocalSpawnExt;
use remote_store_core::testkit::faults::{Call, Operation};

/// A call of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    task: usize,
    operation: Operation,
    /// Without what differs from run to run.
    path: String,
}

impl Step {
    fn is_reading(&self) -> bool {
        use Operation::{Head, IsFolder, List, ListLevel, Read};
        matches!(self.operation, Read | Head | List | ListLevel | IsFolder)
    }

    /// Whether it touches more than the object of its path.
    fn is_wide(&self) -> bool {
        use Operation::{DeleteMany, List, ListLevel};
        matches!(self.operation, DeleteMany | List | ListLevel)
    }

    /// Whether it makes a difference which of the two comes first.
    fn matters_to(&self, other: &Self) -> bool {
        let meets = self.is_wide() || other.is_wide() || self.path == other.path;
        self.task == other.task || (meets && !(self.is_reading() && other.is_reading()))
    }
}

type Waiting = Arc<Mutex<Vec<(Step, oneshot::Sender<()>)>>>;

/// Calls that wait for their turn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns {
    waiting: Waiting,
}

impl Turns {
    /// A gate for the calls of a task that `is_held` picks.
    pub(crate) fn gate(
        &self,
        task: usize,
        is_held: impl Fn(&Call) -> bool + Send + Sync + 'static,
    ) -> impl Fn(&Call) -> BoxFuture<'static, ()> + Send + Sync + 'static {
        let waiting = Arc::clone(&self.waiting);
        move |call| {
            if !is_held(call) {
                return Box::pin(std::future::ready(()));
            }
            let step = Step {
                task,
                operation: call.operation,
                path: without_generation(&call.path),
            };
            let (turn, granted) = oneshot::channel();
            waiting.lock().unwrap().push((step, turn));
            Box::pin(async move { granted.await.unwrap() })
        }
    }

    fn steps(&self) -> Vec<Step> {
        let mut waiting = self.waiting.lock().unwrap();
        waiting.retain(|(_, turn)| !turn.is_canceled());
        waiting.iter().map(|(step, _)| step.clone()).collect()
    }

    fn grant(&self, at: usize) {
        let (_, turn) = self.waiting.lock().unwrap().remove(at);
        turn.send(()).unwrap();
    }
}

/// `data-1a2b3c4d.parquet` as `data-.parquet`: these digits are chance.
fn without_generation(path: &str) -> String {
    match path
        .strip_suffix(".parquet")
        .and_then(|stem| stem.rsplit_once('-'))
    {
        Some((stem, digits)) if digits.len() == 8 => format!("{stem}-.parquet"),
        _ => path.to_owned(),
    }
}

/// A turn of the order that is run: what waited, and what is left to be chosen.
#[derive(Debug)]
struct Turn {
    waiting: Vec<Step>,
    chosen: usize,
    /// What need not be chosen, here or next: an order that was run has it already.
    asleep: Vec<Step>,
}

impl Turn {
    fn first_awake(waiting: &[Step], asleep: &[Step]) -> Option<usize> {
        waiting.iter().position(|step| !asleep.contains(step))
    }

    fn step(&self) -> &Step {
        self.waiting.get(self.chosen).unwrap()
    }

    /// What sleeps on after the chosen step.
    fn asleep_after(&self) -> Vec<Step> {
        let chosen = self.step();
        let asleep = self.asleep.iter();
        asleep
            .filter(|step| !step.matters_to(chosen))
            .cloned()
            .collect()
    }
}

/// The order that is run.
#[derive(Debug, Default)]
pub(crate) struct Order {
    turns: Vec<Turn>,
}

impl Order {
    /// Which step comes at a turn; none when all that could follow was run already.
    fn choose(&mut self, turn: usize, waiting: Vec<Step>) -> Option<usize> {
        if let Some(known) = self.turns.get(turn) {
            assert_eq!(
                known.waiting, waiting,
                "tasks depend on more than the order"
            );
            return Some(known.chosen);
        }
        let asleep = self
            .turns
            .last()
            .map(Turn::asleep_after)
            .unwrap_or_default();
        let chosen = Turn::first_awake(&waiting, &asleep)?;
        self.turns.push(Turn {
            waiting,
            chosen,
            asleep,
        });
        Some(chosen)
    }

    /// Goes to the next order, if there is one.
    fn advance(&mut self) -> bool {
        while let Some(mut turn) = self.turns.pop() {
            let done = turn.step().clone();
            turn.asleep.push(done);
            if let Some(next) = Turn::first_awake(&turn.waiting, &turn.asleep) {
                turn.chosen = next;
                self.turns.push(turn);
                return true;
            }
        }
        false
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for turn in &self.turns {
            let step = turn.step();
            write!(
                f,
                "\n  task {}: {:?} {}",
                step.task, step.operation, step.path
            )?;
        }
        Ok(())
    }
}

/// The tasks of one run, and what must hold after it.
pub(crate) struct Run<'a> {
    pub(crate) turns: Turns,
    pub(crate) tasks: Vec<LocalBoxFuture<'static, ()>>,
    pub(crate) check: Check<'a>,
}

type Check<'a> = Box<dyn FnOnce(&Order) + 'a>;

/// Runs what `set_up` makes in every order; gives how many there were.
pub(crate) fn explore<'a>(mut set_up: impl FnMut() -> Run<'a>) -> usize {
    let mut order = Order::default();
    let mut orders = 0;
    loop {
        let run = set_up();
        if let Some(check) = run_in(&mut order, run) {
            check(&order);
            orders += 1;
        }
        if !order.advance() {
            return orders;
        }
    }
}

/// Gives the check when the tasks came to their end.
fn run_in<'a>(order: &mut Order, run: Run<'a>) -> Option<Check<'a>> {
    let mut pool = LocalPool::new();
    let left = Arc::new(());
    for task in run.tasks {
        let running = Arc::clone(&left);
        let task = async move {
            task.await;
            drop(running);
        };
        pool.spawner().spawn_local(task).unwrap();
    }
    pool.run_until_stalled();
    let mut turn = 0;
    while Arc::strong_count(&left) > 1 {
        let waiting = run.turns.steps();
        assert!(!waiting.is_empty(), "every task waits for another one");
        run.turns.grant(order.choose(turn, waiting)?);
        turn += 1;
        pool.run_until_stalled();
    }
    Some(run.check)
}
