//! Directed graphs with labelled edges: strongly connected components, and a shortest cycle through each.

use std::collections::VecDeque;

/// A graph over the nodes `0..n`. `L` says why an edge is there.
#[derive(Debug)]
pub(crate) struct Graph<L> {
    edges: Vec<Vec<(usize, L)>>,
}

impl<L: Copy> Graph<L> {
    pub(crate) fn new(node_count: usize) -> Self {
        Self { edges: (0..node_count).map(|_| Vec::new()).collect() }
    }

    pub(crate) fn add_node(&mut self) -> usize {
        self.edges.push(Vec::new());
        self.edges.len() - 1
    }

    /// An edge from a node to itself says nothing and is left out.
    pub(crate) fn add_edge(&mut self, from: usize, to: usize, label: L) {
        if from != to {
            self.edges[from].push((to, label));
        }
    }

    /// One cycle, a shortest through its first node, for each component that has any. A cycle is a list of edges, each
    /// as (from, label); the last leads back to the first.
    pub(crate) fn cycles(&self) -> Vec<Vec<(usize, L)>> {
        let (component_of, sizes) = self.components();
        let mut cycles = Vec::new();
        let mut done = vec![false; sizes.len()];
        for (node, &component) in component_of.iter().enumerate() {
            if sizes[component] > 1 && !done[component] {
                done[component] = true;
                cycles.push(self.shortest_cycle(node, &component_of));
            }
        }
        cycles
    }

    /// Breadth first from `start`, inside its component, until an edge leads back.
    fn shortest_cycle(&self, start: usize, component_of: &[usize]) -> Vec<(usize, L)> {
        let mut came_by: Vec<Option<(usize, L)>> = vec![None; self.edges.len()];
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for &(next, label) in &self.edges[node] {
                if next == start {
                    let mut cycle = vec![(node, label)];
                    while let Some(step) = came_by[cycle[cycle.len() - 1].0] {
                        cycle.push(step);
                    }
                    cycle.reverse();
                    return cycle;
                }
                if component_of[next] == component_of[start] && came_by[next].is_none() {
                    came_by[next] = Some((node, label));
                    queue.push_back(next);
                }
            }
        }
        unreachable!("a component of two nodes or more holds a cycle through each of them")
    }

    /// Tarjan's algorithm with its stack on the heap, since a history's chains are as long as the history. Returns each
    /// node's component and each component's size.
    fn components(&self) -> (Vec<usize>, Vec<usize>) {
        const NONE: usize = usize::MAX;
        let n = self.edges.len();
        let (mut order, mut low, mut component_of) = (vec![NONE; n], vec![NONE; n], vec![NONE; n]);
        let (mut sizes, mut open, mut visited) = (Vec::new(), Vec::new(), 0);
        for root in 0..n {
            if order[root] != NONE {
                continue;
            }
            let mut path = vec![(root, 0)];
            while let Some((node, next_edge)) = path.last_mut() {
                let node = *node;
                if *next_edge == 0 {
                    (order[node], low[node]) = (visited, visited);
                    visited += 1;
                    open.push(node);
                }
                if let Some(&(to, _)) = self.edges[node].get(*next_edge) {
                    *next_edge += 1;
                    if order[to] == NONE {
                        path.push((to, 0));
                    } else if component_of[to] == NONE {
                        low[node] = low[node].min(order[to]);
                    }
                    continue;
                }
                path.pop();
                if let Some(&(parent, _)) = path.last() {
                    low[parent] = low[parent].min(low[node]);
                }
                if low[node] == order[node] {
                    let start = open.iter().rposition(|&member| member == node).expect("a node is open until closed");
                    sizes.push(open.len() - start);
                    for member in open.drain(start..) {
                        component_of[member] = sizes.len() - 1;
                    }
                }
            }
        }
        (component_of, sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(node_count: usize, edges: &[(usize, usize)]) -> Graph<()> {
        let mut graph = Graph::new(node_count);
        for &(from, to) in edges {
            graph.add_edge(from, to, ());
        }
        graph
    }

    fn nodes(cycle: &[(usize, ())]) -> Vec<usize> {
        cycle.iter().map(|(node, ())| *node).collect()
    }

    #[test]
    fn a_graph_without_a_cycle_has_none() {
        assert!(graph(4, &[(0, 1), (1, 2), (0, 2), (2, 3), (0, 0)]).cycles().is_empty());
    }

    #[test]
    fn the_shortest_cycle_is_reported() {
        let cycles = graph(5, &[(0, 1), (1, 2), (2, 3), (3, 0), (1, 0), (4, 0)]).cycles();
        assert_eq!(cycles.iter().map(|cycle| nodes(cycle)).collect::<Vec<_>>(), [vec![0, 1]]);
    }

    #[test]
    fn each_component_gives_one_cycle() {
        let cycles = graph(6, &[(0, 1), (1, 0), (1, 2), (2, 3), (3, 4), (4, 2), (5, 5)]).cycles();
        assert_eq!(cycles.iter().map(|cycle| nodes(cycle)).collect::<Vec<_>>(), [vec![0, 1], vec![2, 3, 4]]);
    }

    #[test]
    fn a_chain_as_long_as_a_history_does_not_exhaust_the_stack() {
        let chain: Vec<_> = (0..1_000_000).map(|node| (node, node + 1)).collect();
        assert!(graph(1_000_001, &chain).cycles().is_empty());
    }
}
