// Invariants checked: the two at the head of FieldOrder.swift, of every few lists of few names; and that batches are
// put together in such an order or not at all.

import Testing

@testable import Records

@Suite("One order of fields") struct FieldOrderTests {
    /// All lists of some of the numbers, in any order, the empty one among them.
    private static func lists(of numbers: [Int]) -> [[Int]] {
        [[]]
            + numbers.flatMap { first in
                lists(of: numbers.filter { $0 != first }).map { [first] + $0 }
            }
    }

    private static func stands(_ list: [Int], in order: [Int]) -> Bool {
        var rest = order[...]
        for number in list {
            guard let place = rest.firstIndex(of: number) else { return false }
            rest = rest[(place + 1)...]
        }
        return true
    }

    /// The same lists, with numbers as they are met.
    private static func numbered(_ lists: [[Int]]) -> (lists: [[Int]], count: Int) {
        var numbers: [Int: Int] = [:]
        let numbered = lists.map { list in
            list.map { name in
                if let known = numbers[name] { return known }
                numbers[name] = numbers.count
                return numbers.count - 1
            }
        }
        return (numbered, numbers.count)
    }

    @Test("an order that has all lists in it is found exactly where there is one")
    func every() {
        let names = [0, 1, 2, 3]
        let some = Self.lists(of: names)
        let few = some.filter { $0.count <= 2 }
        let whole = (0...names.count).map { count in
            Self.lists(of: Array(0..<count)).filter { $0.count == count }
        }
        var (foundCount, missingCount) = (0, 0)
        for first in some {
            for second in some {
                for third in few {
                    let (lists, count) = Self.numbered([first, second, third, first])
                    let isMet = lists.allSatisfy { Self.stands($0, in: Array(0..<count)) }
                    guard let order = FieldOrder.uniting(lists, count: count) else {
                        missingCount += 1
                        let isPossible = whole[count].contains { order in
                            lists.allSatisfy { Self.stands($0, in: order) }
                        }
                        if !isPossible { continue }
                        Issue.record("\(lists) have an order")
                        return
                    }
                    foundCount += 1
                    guard order.sorted() == Array(0..<count),
                        lists.allSatisfy({ Self.stands($0, in: order) }),
                        !isMet || order == Array(0..<count),
                        order == FieldOrder.uniting(lists.reversed(), count: count)
                    else {
                        Issue.record("\(lists): \(order)")
                        return
                    }
                }
            }
        }
        #expect(foundCount > 10_000 && missingCount > 10_000)
    }

    private static func batch(_ names: String) -> RecordBatch {
        RecordBatch(
            times: [0],
            fields: names.split(separator: " ").map {
                FieldColumn(name: String($0), values: .scalar(Leaf(.int64([1]))))
            })
    }

    @Test(
        "batches are put together in an order that has each one's own in it, or stay by themselves",
        arguments: [
            (["a b", "a b"], "a b"), (["a", "b"], "a b"), (["b", "a b"], "a b"),
            (["b d", "a b", "c d"], "a b c d"),
            (["a b d", "b c d", "a c"], "a b c d"), (["", "b a", ""], "b a"), (["a b", "b a"], nil),
            (["a b", "b c", "c a"], nil), (["a b c", "x", "c x b"], nil),
            // Names that Swift takes for one are two.
            (["\u{E9} e\u{301}", "e\u{301} \u{E9}"], nil),
        ])
    func batches(names: [String], order: String?) {
        let joined = RecordBatch(concatenating: names.map(Self.batch))
        #expect(joined?.fields.map(\.name) == order?.split(separator: " ").map(String.init))
        for (row, names) in names.enumerated() where joined != nil {
            #expect(joined?.slice(row..<row + 1).fields.map(\.name) == Self.batch(names).fields.map(\.name))
        }
    }
}
