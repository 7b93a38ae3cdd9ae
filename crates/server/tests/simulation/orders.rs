//! In which orders a step's commands can have been done.

use crate::command::Command;
use crate::model::Doing;

/// A command of a client, or a part of one, in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act {
    pub doing: usize,
    pub command: usize,
    pub part: Part,
}

/// FETCH that sets `\Seen` looks first and marks then; somebody else may come in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Whole,
    Look,
    Mark,
}

/// All ways to put the commands of a step into one order, each client's own in theirs.
pub fn orders_of(doings: &[Doing]) -> Vec<Vec<Act>> {
    let acts = |(doing, all): (usize, &Doing)| -> Vec<Act> {
        let act = |command, part| Act { doing, command, part };
        match all {
            Doing::Imap(_, commands) => commands
                .iter()
                .enumerate()
                .flat_map(|(command, what)| match what {
                    Command::Fetch(_, items) if items.sets_seen() && doings.len() > 1 => {
                        vec![act(command, Part::Look), act(command, Part::Mark)]
                    }
                    _ => vec![act(command, Part::Whole)],
                })
                .collect(),
            Doing::Pop3(_, commands) => (0..commands.len())
                .map(|command| act(command, Part::Whole))
                .collect(),
            Doing::Deliver(..) => vec![act(0, Part::Whole)],
        }
    };
    let own: Vec<Vec<Act>> = doings.iter().enumerate().map(acts).collect();
    let mut orders = vec![Vec::new()];
    for _ in 0..own.iter().map(Vec::len).sum() {
        let mut longer = Vec::new();
        for order in orders {
            for acts in &own {
                let so_far = order
                    .iter()
                    .filter(|act: &&Act| act.doing == acts[0].doing)
                    .count();
                if let Some(next) = acts.get(so_far) {
                    let mut order = order.clone();
                    order.push(*next);
                    longer.push(order);
                }
            }
        }
        orders = longer;
    }
    orders
}
