//! Trees of messages in one list of nodes, without recursion.

use std::collections::HashSet;

use super::Place;

/// A node: the messages come first, then those that are only spoken of.
#[derive(Debug, Clone, Default)]
struct Node {
    parent: Option<usize>,
    children: Vec<usize>,
    /// A node further up, or itself in a root: shortened whenever somebody looks.
    above: usize,
}

/// All nodes, and which of them are roots.
pub(super) struct Forest {
    nodes: Vec<Node>,
    messages: usize,
    roots: Vec<usize>,
}

impl Forest {
    pub(super) fn new(messages: usize) -> Self {
        let mut forest = Forest {
            nodes: Vec::with_capacity(messages),
            messages,
            roots: Vec::new(),
        };
        (0..messages).for_each(|_| {
            forest.add();
        });
        forest
    }

    /// Adds a node that is no message.
    pub(super) fn add(&mut self) -> usize {
        let above = self.nodes.len();
        self.nodes.push(Node {
            above,
            ..Node::default()
        });
        above
    }

    /// The message that a node is.
    pub(super) fn message(&self, node: usize) -> Option<usize> {
        (node < self.messages).then_some(node)
    }

    fn node(&self, node: usize) -> &Node {
        self.nodes.get(node).expect("a node is never taken away")
    }

    fn node_mut(&mut self, node: usize) -> &mut Node {
        self.nodes.get_mut(node).expect("a node is never taken away")
    }

    /// Makes one node the child of another, if it has no parent and no loop comes of it.
    pub(super) fn link(&mut self, parent: usize, child: usize) {
        if self.node(child).parent.is_some() || self.root_of(parent) == child {
            return;
        }
        self.node_mut(child).parent = Some(parent);
        self.node_mut(child).above = parent;
        self.node_mut(parent).children.push(child);
    }

    /// The root above a node. Every other step of the way is left out the next time.
    fn root_of(&mut self, mut node: usize) -> usize {
        loop {
            let above = self.node(node).above;
            if above == node {
                return node;
            }
            let next = self.node(above).above;
            self.node_mut(node).above = next;
            node = next;
        }
    }

    pub(super) fn roots(&self) -> &[usize] {
        &self.roots
    }

    pub(super) fn add_root(&mut self, node: usize) {
        self.roots.push(node);
    }

    pub(super) fn remove_roots(&mut self, gone: &HashSet<usize>) {
        self.roots.retain(|root| !gone.contains(root));
    }

    /// Puts a root under another node.
    pub(super) fn adopt(&mut self, parent: usize, child: usize) {
        self.node_mut(child).parent = Some(parent);
        self.node_mut(parent).children.push(child);
    }

    /// Puts all children of a root under another.
    pub(super) fn give_children(&mut self, from: usize, to: usize) {
        for child in std::mem::take(&mut self.node_mut(from).children) {
            self.adopt(to, child);
        }
    }

    pub(super) fn first_message_below(&self, root: usize) -> Option<usize> {
        self.node(root)
            .children
            .first()
            .and_then(|child| self.message(*child))
    }

    /// Every node below these, parents before their children.
    fn from_above(&self, roots: Vec<usize>) -> Vec<usize> {
        let mut order = roots;
        let mut at = 0;
        while let Some(node) = order.get(at).copied() {
            order.extend(&self.node(node).children);
            at += 1;
        }
        order
    }

    /// Steps 2 and 3: takes away what is no message, except above several messages that nothing else holds together.
    pub(super) fn prune(&mut self) {
        let roots = (0..self.nodes.len())
            .filter(|node| self.node(*node).parent.is_none())
            .collect();
        // Children first, so that what is promoted is pruned already.
        for node in self.from_above(roots).into_iter().rev() {
            let mut kept = Vec::new();
            for child in std::mem::take(&mut self.node_mut(node).children) {
                match self.message(child) {
                    Some(_) => kept.push(child),
                    None if kept.is_empty() => kept = std::mem::take(&mut self.node_mut(child).children),
                    None => kept.append(&mut self.node_mut(child).children),
                }
            }
            for child in &kept {
                self.node_mut(*child).parent = Some(node);
            }
            self.node_mut(node).children = kept;
            if self.node(node).parent.is_none() {
                self.keep_root(node);
            }
        }
    }

    fn keep_root(&mut self, node: usize) {
        let is_message = self.message(node).is_some();
        match self.node(node).children.as_slice() {
            [] if !is_message => {}
            [only] if !is_message => {
                let only = *only;
                self.node_mut(only).parent = None;
                self.node_mut(node).children.clear();
                self.roots.push(only);
            }
            _ => self.roots.push(node),
        }
    }

    /// Steps 4 and 6: sorts siblings by when they were sent, a root that is no message by its first child.
    pub(super) fn sort(&mut self, sent: &dyn Fn(usize) -> i64) {
        for node in self.from_above(self.roots.clone()).into_iter().rev() {
            let mut children = std::mem::take(&mut self.node_mut(node).children);
            children.sort_by_key(|child| self.key(*child, sent));
            self.node_mut(node).children = children;
        }
        let mut roots = std::mem::take(&mut self.roots);
        roots.sort_by_key(|root| self.key(*root, sent));
        self.roots = roots;
    }

    /// When it was sent, and its number for those sent at once.
    fn key(&self, node: usize, sent: &dyn Fn(usize) -> i64) -> (i64, usize) {
        let message = self
            .message(node)
            .or_else(|| self.first_message_below(node))
            .unwrap_or(node);
        (sent(message), message)
    }

    /// Every node, each thread as a whole, parents before their children.
    pub(super) fn places(&self) -> Vec<Place> {
        let mut places = Vec::with_capacity(self.messages);
        let mut waiting: Vec<(usize, usize)> = self.roots.iter().rev().map(|root| (*root, 0)).collect();
        while let Some((node, depth)) = waiting.pop() {
            places.push(Place {
                message: self.message(node),
                depth,
            });
            waiting.extend(
                self.node(node)
                    .children
                    .iter()
                    .rev()
                    .map(|child| (*child, depth + 1)),
            );
        }
        places
    }
}
