//! A disk in memory that loses power. What was not synced may be there afterwards, or not, or in part: writes torn at any
//! byte or applied out of order, names of files that never came to be, in any combination that a file system may leave.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::files::{File, Files, Guard, SyncPoint};

/// The disk. Clones share it.
#[derive(Debug, Clone)]
pub struct SimDisk(Arc<Mutex<World>>);

/// What survives a loss of power of all that was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// Nothing.
    Nothing,
    /// All of it.
    Everything,
    /// Some of it, by this seed.
    Some(u64),
}

/// Something that goes wrong at one effect (a write, sync, cut, naming or removal), counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The power goes: that effect may or may not come to be, and everything after it fails.
    PowerOff(u64),
    /// That effect fails, once. Of a failed sync nothing will ever be durable that was to be.
    Error(u64, io::ErrorKind),
}

#[derive(Debug)]
struct World {
    nodes: Vec<Node>,
    /// Effects so far.
    effects: u64,
    fault: Option<Fault>,
    off: bool,
    /// A sync that does nothing.
    ignored: Option<SyncPoint>,
    locks: BTreeSet<PathBuf>,
    /// The most bytes that one write takes.
    max_write: usize,
}

#[derive(Debug, Clone)]
enum Node {
    File(FileNode),
    Dir(DirNode),
}

#[derive(Debug, Clone, Default)]
struct FileNode {
    now: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<FileOp>,
}

#[derive(Debug, Clone)]
enum FileOp {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Debug, Clone, Default)]
struct DirNode {
    now: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    pending: Vec<DirOp>,
}

#[derive(Debug, Clone)]
enum DirOp {
    Put(String, usize),
    Remove(String),
    Rename(String, String, usize),
}

/// What an effect is to do besides being counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Go,
    /// It comes to be, perhaps, but whoever asked will not know.
    GoThenOff,
    Fail(io::ErrorKind),
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    node: usize,
}

#[derive(Debug)]
struct SimGuard {
    disk: SimDisk,
    path: PathBuf,
}

/// A generator of the crash's choices (SplitMix64).
struct Dice(u64);

// === impl SimDisk ===

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::of(vec![Node::Dir(DirNode::default())])
    }

    fn of(nodes: Vec<Node>) -> Self {
        let world = World {
            nodes,
            effects: 0,
            fault: None,
            off: false,
            ignored: None,
            locks: BTreeSet::new(),
            max_write: usize::MAX,
        };
        Self(Arc::new(Mutex::new(world)))
    }

    /// As the store wants it.
    #[must_use]
    pub fn files(&self) -> Arc<dyn Files> {
        Arc::new(self.clone())
    }

    /// Lets something go wrong.
    #[must_use]
    pub fn with_fault(self, fault: Fault) -> Self {
        self.world().fault = Some(fault);
        self
    }

    /// Leaves a sync out, as if its line were not in the code.
    #[must_use]
    pub fn ignoring(self, point: Option<SyncPoint>) -> Self {
        self.world().ignored = point;
        self
    }

    /// Takes at most so many bytes in one write.
    #[must_use]
    pub fn with_short_writes(self, bytes: usize) -> Self {
        self.world().max_write = bytes;
        self
    }

    /// Effects so far.
    #[must_use]
    pub fn effects(&self) -> u64 {
        self.world().effects
    }

    /// The process dies and the machine stays: nothing is lost, but nothing more is durable either.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        let world = self.world();
        let disk = Self::of(world.nodes.clone());
        disk.ignoring(world.ignored)
    }

    /// The machine loses power and starts again.
    #[must_use]
    pub fn after_power_loss(&self, crash: Crash) -> Self {
        let world = self.world();
        let mut dice = Dice::new(crash);
        let nodes = world.nodes.iter().map(|node| node.after(crash, &mut dice)).collect();
        let disk = Self::of(nodes);
        disk.ignoring(world.ignored)
    }

    /// Changes a file's bytes behind everyone's back, for good.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut world = self.world();
        if let Some(node) = world.find(path)
            && let Node::File(file) = &mut world.nodes[node]
        {
            change(&mut file.now);
            file.durable = file.now.clone();
            file.pending.clear();
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files for SimDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut world = self.world();
        let mut above = PathBuf::from("/");
        for part in parts(dir) {
            let path = above.join(&part);
            if world.find(&path).is_none() {
                let node = world.nodes.len();
                world.nodes.push(Node::Dir(DirNode::default()));
                world.change_dir(&above, |dir| dir.apply(DirOp::Put(part.clone(), node)))?;
            }
            above = path;
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let world = self.world();
        world.powered()?;
        Ok(world.dir(dir)?.now.keys().cloned().collect())
    }

    fn exists(&self, path: &Path) -> bool {
        self.world().find(path).is_some()
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let world = self.world();
        world.powered()?;
        let node = world.find(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(SimFile { disk: self.clone(), node }))
    }

    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut world = self.world();
        world.powered()?;
        let node = match world.find(path) {
            Some(node) if matches!(world.nodes[node], Node::Dir(_)) => {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Some(node) => node,
            None => {
                let node = world.nodes.len();
                world.nodes.push(Node::File(FileNode::default()));
                let (above, name) = split(path)?;
                world.change_dir(above, |dir| dir.apply(DirOp::Put(name, node)))?;
                node
            }
        };
        Ok(Arc::new(SimFile { disk: self.clone(), node }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        let node = world.find(from).ok_or(io::ErrorKind::NotFound)?;
        let (above, old) = split(from)?;
        let (below, new) = split(to)?;
        if above == below {
            return world.change_dir(above, |dir| dir.apply(DirOp::Rename(old, new, node)));
        }
        world.change_dir(below, |dir| dir.apply(DirOp::Put(new, node)))?;
        world.change_dir(above, |dir| dir.apply(DirOp::Remove(old)))
    }

    fn link_or_copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        let node = world.find(from).ok_or(io::ErrorKind::NotFound)?;
        let (above, name) = split(to)?;
        world.change_dir(above, |dir| dir.apply(DirOp::Put(name, node)))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        let (above, name) = split(path)?;
        world.change_dir(above, |dir| dir.apply(DirOp::Remove(name)))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.remove_file(path)
    }

    fn sync_dir(&self, dir: &Path, point: SyncPoint) -> io::Result<()> {
        let mut world = self.world();
        let ignored = world.ignored == Some(point);
        let node = world.find(dir).ok_or(io::ErrorKind::NotFound)?;
        let verdict = world.effect()?;
        if let Node::Dir(dir) = &mut world.nodes[node] {
            match verdict {
                Verdict::Go if !ignored => dir.sync(),
                Verdict::Fail(_) => dir.pending.clear(),
                _ => {}
            }
        }
        verdict.result()
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Guard>>> {
        self.open_write(path)?;
        let taken = !self.world().locks.insert(path.to_owned());
        let guard = SimGuard { disk: self.clone(), path: path.to_owned() };
        if taken {
            std::mem::forget(guard);
            return Ok(None);
        }
        Ok(Some(Box::new(guard)))
    }
}

// === impl World ===

impl World {
    fn powered(&self) -> io::Result<()> {
        if self.off { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    /// Counts an effect and says what becomes of it.
    fn effect(&mut self) -> io::Result<Verdict> {
        self.powered()?;
        let nth = self.effects;
        self.effects += 1;
        Ok(match self.fault {
            Some(Fault::PowerOff(at)) if at == nth => {
                self.off = true;
                Verdict::GoThenOff
            }
            Some(Fault::Error(at, kind)) if at == nth => Verdict::Fail(kind),
            _ => Verdict::Go,
        })
    }

    fn change_dir(&mut self, path: &Path, change: impl FnOnce(&mut DirNode)) -> io::Result<()> {
        let node = self.find(path).ok_or(io::ErrorKind::NotFound)?;
        let verdict = self.effect()?;
        if let (Node::Dir(dir), Verdict::Go | Verdict::GoThenOff) = (&mut self.nodes[node], verdict) {
            change(dir);
        }
        verdict.result()
    }

    fn find(&self, path: &Path) -> Option<usize> {
        parts(path).into_iter().try_fold(0, |node, part| match &self.nodes[node] {
            Node::Dir(dir) => dir.now.get(&part).copied(),
            Node::File(_) => None,
        })
    }

    fn dir(&self, path: &Path) -> io::Result<&DirNode> {
        match &self.nodes[self.find(path).ok_or(io::ErrorKind::NotFound)?] {
            Node::Dir(dir) => Ok(dir),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn file(&mut self, node: usize) -> io::Result<&mut FileNode> {
        match &mut self.nodes[node] {
            Node::File(file) => Ok(file),
            Node::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }
}

// === impl Verdict ===

impl Verdict {
    fn result(self) -> io::Result<()> {
        match self {
            Self::Go => Ok(()),
            Self::GoThenOff => Err(io::Error::other("the power went off")),
            Self::Fail(kind) => Err(kind.into()),
        }
    }
}

// === impl Node ===

impl Node {
    fn after(&self, crash: Crash, dice: &mut Dice) -> Self {
        match self {
            Self::File(file) => Self::File(file.after(crash, dice)),
            Self::Dir(dir) => Self::Dir(dir.after(crash, dice)),
        }
    }
}

// === impl FileNode ===

impl FileNode {
    fn apply(&mut self, op: FileOp) {
        op.apply_to(&mut self.now);
        self.pending.push(op);
    }

    fn sync(&mut self) {
        for op in self.pending.drain(..) {
            op.apply_to(&mut self.durable);
        }
    }

    fn after(&self, crash: Crash, dice: &mut Dice) -> Self {
        let mut bytes = self.durable.clone();
        for op in self.pending.iter().flat_map(|op| op.survivors(crash, dice)) {
            op.apply_to(&mut bytes);
        }
        Self { now: bytes.clone(), durable: bytes, pending: Vec::new() }
    }
}

// === impl FileOp ===

impl FileOp {
    fn apply_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Truncate(len) => bytes.resize(*len, 0),
            Self::Write(at, new) => {
                bytes.resize(bytes.len().max(at + new.len()), 0);
                bytes[*at..at + new.len()].copy_from_slice(new);
            }
        }
    }

    /// What of it is on disk after a loss of power: all, nothing, a first part, or blocks here and there.
    fn survivors(&self, crash: Crash, dice: &mut Dice) -> Vec<Self> {
        match (crash, self) {
            (Crash::Nothing, _) => Vec::new(),
            (Crash::Everything, _) => vec![self.clone()],
            (Crash::Some(_), Self::Write(at, bytes)) => match dice.below(4) {
                0 => Vec::new(),
                1 => vec![self.clone()],
                2 => vec![Self::Write(*at, bytes[..dice.below(bytes.len() + 1)].to_vec())],
                _ => blocks(*at, bytes, dice),
            },
            (Crash::Some(_), Self::Truncate(_)) => match dice.below(2) {
                0 => Vec::new(),
                _ => vec![self.clone()],
            },
        }
    }
}

fn blocks(at: usize, bytes: &[u8], dice: &mut Dice) -> Vec<FileOp> {
    let size = 1 + dice.below(64);
    let all = bytes.chunks(size).enumerate();
    let kept = all.filter(|_| dice.below(2) == 0);
    kept.map(|(nth, block)| FileOp::Write(at + nth * size, block.to_vec())).collect()
}

// === impl DirNode ===

impl DirNode {
    fn apply(&mut self, op: DirOp) {
        op.apply_to(&mut self.now);
        self.pending.push(op);
    }

    fn sync(&mut self) {
        for op in self.pending.drain(..) {
            op.apply_to(&mut self.durable);
        }
    }

    fn after(&self, crash: Crash, dice: &mut Dice) -> Self {
        let mut names = self.durable.clone();
        for op in &self.pending {
            let survives = match crash {
                Crash::Nothing => false,
                Crash::Everything => true,
                Crash::Some(_) => dice.below(2) == 0,
            };
            if survives {
                op.apply_to(&mut names);
            }
        }
        Self { now: names.clone(), durable: names, pending: Vec::new() }
    }
}

// === impl DirOp ===

impl DirOp {
    fn apply_to(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Put(name, node) => {
                names.insert(name.clone(), *node);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
            Self::Rename(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}

// === impl SimFile ===

impl File for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut world = self.disk.world();
        world.powered()?;
        let bytes = &world.file(self.node)?.now;
        let from = bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        let n = buf.len().min(bytes.len() - from);
        buf[..n].copy_from_slice(&bytes[from..from + n]);
        Ok(n)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        let mut world = self.disk.world();
        let taken = &buf[..buf.len().min(world.max_write)];
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let verdict = world.effect()?;
        let file = world.file(self.node)?;
        match verdict {
            Verdict::Fail(_) => file.apply(FileOp::Write(offset, taken[..taken.len() / 2].to_vec())),
            _ => file.apply(FileOp::Write(offset, taken.to_vec())),
        }
        verdict.result().map(|()| taken.len())
    }

    fn sync(&self, point: SyncPoint) -> io::Result<()> {
        let mut world = self.disk.world();
        let ignored = world.ignored == Some(point);
        let verdict = world.effect()?;
        let file = world.file(self.node)?;
        match verdict {
            Verdict::Go if !ignored => file.sync(),
            // The system forgets what it could not write.
            Verdict::Fail(_) => file.pending.clear(),
            _ => {}
        }
        verdict.result()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut world = self.disk.world();
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let verdict = world.effect()?;
        let file = world.file(self.node)?;
        if let Verdict::Go | Verdict::GoThenOff = verdict {
            file.apply(FileOp::Truncate(len));
        }
        verdict.result()
    }

    fn len(&self) -> io::Result<u64> {
        let mut world = self.disk.world();
        world.powered()?;
        Ok(world.file(self.node)?.now.len() as u64)
    }
}

// === impl SimGuard ===

impl Guard for SimGuard {}

impl Drop for SimGuard {
    fn drop(&mut self) {
        self.disk.world().locks.remove(&self.path);
    }
}

// === impl Dice ===

impl Dice {
    fn new(crash: Crash) -> Self {
        match crash {
            Crash::Some(seed) => Self(seed),
            _ => Self(0),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

fn parts(path: &Path) -> Vec<String> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    names.collect()
}

fn split(path: &Path) -> io::Result<(&Path, String)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let above = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    Ok((above, name.to_string_lossy().into_owned()))
}
