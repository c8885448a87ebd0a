//! A slab whose ids carry a generation, so that an id outlived by its entry finds nothing instead of a stranger.

/// Ids are `generation << 32 | place`; places are reused, ids are not (before 2^32 uses of one place).
#[derive(Debug)]
pub(crate) struct Table<T> {
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Table<T> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// `make` is told the id of what it makes. The caller keeps the table within its limit.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(u64) -> T) -> u64 {
        if let Some(place) = self.free.pop()
            && let Some(entry) = self.entries.get_mut(place as usize)
        {
            let id = id(entry.generation, place);
            entry.value = Some(make(id));
            return id;
        }
        let place = u32::try_from(self.entries.len()).expect("tables are bounded by their settings, far below 2^32");
        let id = id(0, place);
        self.entries.push(Entry { generation: 0, value: Some(make(id)) });
        id
    }

    pub(crate) fn get(&self, id: u64) -> Option<&T> {
        let entry = self.entries.get(place(id))?;
        entry.value.as_ref().filter(|_| entry.generation == generation(id))
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        let entry = self.entries.get_mut(place(id))?;
        if entry.generation == generation(id) { entry.value.as_mut() } else { None }
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<T> {
        let entry = self.entries.get_mut(place(id))?;
        if entry.generation != generation(id) {
            return None;
        }
        let value = entry.value.take()?;
        entry.generation = entry.generation.wrapping_add(1);
        self.free.push((id & 0xffff_ffff) as u32);
        Some(value)
    }

    /// In the order of their places: the same in every run.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().filter_map(|entry| entry.value.as_mut())
    }
}

fn id(generation: u32, place: u32) -> u64 {
    (u64::from(generation) << 32) | u64::from(place)
}

fn place(id: u64) -> usize {
    (id & 0xffff_ffff) as usize
}

fn generation(id: u64) -> u32 {
    (id >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_outlived_its_entry_finds_nothing() {
        let mut table = Table::new();
        let first = table.insert_with(|_| "first");
        assert_eq!(table.remove(first), Some("first"));
        let second = table.insert_with(|_| "second");
        assert_eq!(place(first), place(second), "the place is reused");
        assert_eq!(table.get(first), None);
        assert_eq!(table.get_mut(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get(second), Some(&"second"));
        assert_eq!(table.len(), 1);
        assert_eq!(table.iter_mut().next(), Some(&mut "second"));
    }
}
