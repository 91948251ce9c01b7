// The keys of one kind of object (a row, or a group within rows), and the order they come in.
//
// Invariants:
//  * A key is known by its bytes: where the raw bytes here equal a known key's, no name is decoded.
//  * `next` of a key is the key that followed it when it was last met, so a body whose rows are
//    alike never looks a name up after its first row.

import Bytes
import JSON

struct MemberTable {
    /// Stands before the first key.
    static let start = 0

    /// What stands under a key.
    enum Role {
        case time
        case field(Int)
        case group(Group)
    }

    /// A group's own keys, and the field of its name, where rows have something else there.
    struct Group {
        var table: Int?
        var field: Int?
    }

    /// Without its name, so that looking at a key counts no references.
    struct Key {
        var role: Role
        /// Where the key, quotes included, lies in the body.
        var rawStart = 0
        var rawCount = 0
        var next = MemberTable.start
        var lastRow = -1
    }

    /// Nil for whole rows.
    let group: String?
    /// The first is `start`, which is no key.
    var keys = [Key(role: .time)]
    private var names = [""]
    var numbers: [ExactText: Int] = [:]

    init(group: String?) { self.group = group }

    func name(_ key: Int) -> String { names[key] }

    func fullName(_ name: String) -> String { group.map { $0 + "." + name } ?? name }

    func fullName(_ key: Int) -> String { fullName(names[key]) }

    mutating func add(_ name: String, _ role: Role) -> Int {
        keys.append(Key(role: role))
        names.append(name)
        numbers[ExactText(name)] = keys.count - 1
        return keys.count - 1
    }

    /// From now on `key` is expected after `previous`, in the bytes `raw`.
    mutating func expect(_ key: Int, at raw: Range<Int>, after previous: Int) {
        keys[previous].next = key
        keys[key].rawStart = raw.lowerBound
        keys[key].rawCount = raw.count
    }

    /// Takes the keys out, for as long as a row is read: a list that stands by itself is looked at without
    /// counting references to it. `keys` is empty until they are put back.
    mutating func takeKeys() -> [Key] {
        var taken: [Key] = []
        swap(&taken, &keys)
        return taken
    }
}

extension [MemberTable.Key] {
    /// Steps over the key that is expected here and its colon, or over one of those expected soon
    /// after: a row may lack a few of the fields that the one before it had.
    @inline(__always)
    func expectedKey(after previous: Int, at scanner: inout JSONScanner) -> Int? {
        var key = self[previous].next
        for _ in 0..<4 {
            guard key != MemberTable.start else { return nil }
            if scanner.skipRepeatedKey(from: self[key].rawStart, self[key].rawCount) { return key }
            key = self[key].next
        }
        return nil
    }
}
