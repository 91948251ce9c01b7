// The directories of a simulated disk, as a process sees them and as a power cut leaves them.
//
//     make a/b ──► there ──► its name synced ──► durable            ▒ power
//              ──► there ──► sync fails      ──► there, for now ──► ▒ gone, with all that is in it, or not
//
// Invariants:
//  * One whose name was synced, and those of all it lies in, survives every crash.
//  * What lies in one that is gone is gone, however well it was synced itself.

struct SimulatedDirectories: Sendable {
    private var made: Set<String>
    /// Of those, the ones whose names are durable where they lie.
    private var named: Set<String>

    /// - Parameter hasRoot: whether the root is there, whose name is "".
    init(hasRoot: Bool) {
        made = hasRoot ? [""] : []
        named = made
    }

    /// All but the root.
    var names: [String] { made.filter { !$0.isEmpty } }

    func contains(_ name: String) -> Bool { made.contains(name) }

    func isDurable(_ name: String) -> Bool { named.contains(name) }

    /// Makes a directory and those it lies in.
    ///
    /// - Returns: those that were not there before.
    @discardableResult
    mutating func make(_ name: String) -> [String] {
        var new: [String] = []
        var next = name
        while made.insert(next).inserted {
            new.append(next)
            next = parentDirectory(next)
        }
        return new
    }

    /// Makes the names of some durable.
    mutating func sync(_ names: some Sequence<String>) { named.formUnion(names) }

    /// Makes the names of all durable that lie in a directory.
    mutating func sync(in directory: String) {
        sync(made.filter { !$0.isEmpty && parentDirectory($0) == directory })
    }

    /// Leaves what a power cut does: of names that are not durable, those that `choose` keeps, where they lay.
    mutating func crash(_ choose: (ClosedRange<Int>) -> Int) {
        // In an order of their own, so that the same choices are asked for in every run; the root is the first.
        for name in made.sorted() {
            let isKept = named.contains(name) || choose(0...1) == 1
            if !isKept || !(name.isEmpty || made.contains(parentDirectory(name))) { made.remove(name) }
        }
        named = made
    }
}

/// What a name lies in; "" for the root, and for what lies in it.
func parentDirectory(_ name: String) -> String {
    name.lastIndex(of: "/").map { String(name[..<$0]) } ?? ""
}
