//! Who uses which stream, so that its end is told to those alone, however many there are besides.

use std::collections::{BTreeMap, BTreeSet};

use sip_core::Flow;

/// Those who use streams; a datagram flow never ends, and is as none.
#[derive(Debug)]
pub(super) struct ByFlow<K>(BTreeMap<Flow, BTreeSet<K>>);

impl<K> Default for ByFlow<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone> ByFlow<K> {
    /// Who uses `flow`.
    pub(super) fn of(&self, flow: Flow) -> impl Iterator<Item = &K> {
        self.0.get(&flow).into_iter().flatten()
    }

    /// `key` used `from`, and uses `to` now.
    pub(super) fn moves(&mut self, key: &K, from: Option<Flow>, to: Option<Flow>) {
        if from == to {
            return;
        }
        if let Some(from) = from
            && let Some(keys) = self.0.get_mut(&from)
        {
            keys.remove(key);
            if keys.is_empty() {
                self.0.remove(&from);
            }
        }
        if let Some(to) = to.filter(|to| to.transport.is_reliable()) {
            self.0.entry(to).or_default().insert(key.clone());
        }
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use sip_core::Transport;

    use super::*;

    #[test]
    fn who_went_elsewhere_is_not_told() {
        let flow = |transport, port: u16| {
            Some(Flow { transport, local: "10.0.0.1:5060".parse().unwrap(), remote: std::net::SocketAddr::from(([10, 0, 9, 1], port)) })
        };
        let (first, second, datagrams) = (flow(Transport::Tcp, 1), flow(Transport::Tls, 2), flow(Transport::Udp, 3));
        let mut users = ByFlow::default();
        users.moves(&"a", None, first);
        users.moves(&"b", None, first);
        users.moves(&"c", None, datagrams);
        let of = |users: &ByFlow<&'static str>, flow: Option<Flow>| users.of(flow.unwrap()).copied().collect::<Vec<_>>();
        assert_eq!((of(&users, first), of(&users, datagrams)), (vec!["a", "b"], vec![]));
        users.moves(&"a", first, second);
        users.moves(&"b", first, first);
        assert_eq!((of(&users, first), of(&users, second)), (vec!["b"], vec!["a"]));
        users.moves(&"a", second, datagrams);
        users.moves(&"a", datagrams, None);
        users.moves(&"b", first, None);
        assert!(users.is_empty());
    }
}
