// In which order the fields of few records stand: that of the records before them, of the same partition.
//
//     before   a b c           posted   a x b   ──►   a x b      it fits in: a x b c from now on
//                              posted   c a     ──►   a c
//
// Few records become one block with their neighbours, and a block has one order of fields. Two clients that post
// single records to one partition, each in an order of its own, would leave a block a record for ever; so theirs
// are put in order before they are committed, as one body's are that has rows of several orders. What comes by
// itself as columns stays as it was posted.
//
// Invariants:
//  * What is settled in one order of fields can be put together with all that was settled before it.
//  * A batch whose fields fit into the order that is known keeps its own; in any other, fields that are new stand
//    behind the one that they were posted behind.
//  * What is remembered is bounded. Once it is forgotten a partition may begin another order, and a block ends there:
//    so it does when a log is opened.

import Bytes
import Records

/// The orders of a log's partitions, as far as they are remembered.
struct KnownOrders {
    private var orders: [AppendSource: [ExactText]] = [:]
    /// Each order once, as most partitions of a topic have the same, and how many have it.
    private var shared: [[ExactText]: Int] = [:]
    private var nameCount = 0

    /// Names of one order. Records of more are left as they are, and an order that would grow past it begins anew.
    static let nameCountMax = 1024
    /// Names of all orders, some megabytes.
    static let allNameCountMax = 1 << 16
    static let sourceCountMax = 1 << 16

    /// Puts the fields of few records in order.
    mutating func settle(_ batch: inout RecordBatch, of source: AppendSource) {
        guard batch.fields.count <= KnownOrders.nameCountMax else { return }
        if let known = orders[source] {
            if Self.follows(batch.fields, known) { return }
            var order = Self.extended(known, by: batch.fields)
            if order.count > KnownOrders.nameCountMax {
                order = batch.fields.map { ExactText($0.name) }
            } else {
                let places = Dictionary(uniqueKeysWithValues: zip(order, 0...))
                let placed = batch.fields.map { (place: places[ExactText($0.name)] ?? 0, field: $0) }
                if !zip(placed, placed.dropFirst()).allSatisfy({ $0.place < $1.place }) {
                    batch.fields = placed.sorted { $0.place < $1.place }.map(\.field)
                }
            }
            if order != known { remember(order, of: source) }
        } else if !batch.fields.isEmpty {
            remember(batch.fields.map { ExactText($0.name) }, of: source)
        }
    }

    /// Whether the fields stand in the order that is known, and none is new.
    private static func follows(_ fields: [FieldColumn], _ known: [ExactText]) -> Bool {
        var place = 0
        for field in fields {
            while place < known.count, !known[place].text.isExactly(field.name) { place += 1 }
            if place == known.count { return false }
            place += 1
        }
        return true
    }

    /// The order with the fields that are new in it, each behind the one that it was posted behind.
    private static func extended(_ known: [ExactText], by fields: [FieldColumn]) -> [ExactText] {
        let isKnown = Set(known)
        /// Those that stand behind a name; the first ones behind none.
        var behind: [ExactText?: [ExactText]] = [:]
        var before: ExactText?
        for field in fields {
            let name = ExactText(field.name)
            if isKnown.contains(name) { before = name } else { behind[before, default: []].append(name) }
        }
        return (behind[nil] ?? []) + known.flatMap { [$0] + (behind[$0] ?? []) }
    }

    private mutating func remember(_ order: [ExactText], of source: AppendSource) {
        if let before = orders.removeValue(forKey: source), let count = shared[before] {
            shared[before] = count > 1 ? count - 1 : nil
            if count == 1 { nameCount -= before.count }
        }
        if nameCount + order.count > KnownOrders.allNameCountMax || orders.count >= KnownOrders.sourceCountMax
        {
            self = KnownOrders()
        }
        let known = shared.index(forKey: order)
        if known == nil { nameCount += order.count }
        let own = known.map { shared[$0].key } ?? order
        shared[own, default: 0] += 1
        orders[source] = own
    }
}
