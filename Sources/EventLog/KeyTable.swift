// The idempotency keys of one topic that are remembered, oldest first, found by hash.
//
//     slots      [ ·  3  ·  ·  1  2  · ]      open addressing: a hash leads to a place in the ring
//     ring       [ 0  1  2  3 ]               entries in the order of their commits
//
// Invariants:
//  * A key is found exactly when it is among the last `countMax` and was used less than the horizon ago.
//  * No string is held for a key: an entry is 56 bytes, a slot four, whatever the key's length.
//  * It shrinks again when keys expire, and no more partitions are named than twice as many as keys, or as the
//    fewest places. An entry's partition is told until the next insertion or removal.

import Bytes
import Segments

struct KeyTable {
    /// A key as it is remembered.
    struct Entry {
        var key: Fingerprint
        var request: Fingerprint
        var firstIndex: UInt64
        var time: Int64
        /// One request's: far below 2^32.
        var rowCount: UInt32
        var partition: UInt32
    }

    private var ring: [Entry] = []
    /// The oldest entry's place in the ring.
    private var start = 0
    private(set) var count = 0
    /// A place in the ring plus one; 0 for none. Twice as many as places, so that runs stay short.
    private var slots: [UInt32] = []
    /// Those of the keys, and some whose keys went.
    private(set) var partitions: [String] = []
    private var partitionNumbers: [String: UInt32] = [:]

    private let countMax: Int
    private let horizonMilliseconds: Int64
    private static let capacityMin = 64

    /// - Parameter countMax: at most this many keys; the oldest go first.
    init(countMax: Int, horizonMilliseconds: Int64) {
        precondition(countMax > 0 && countMax < 1 << 31, "Places in the ring are 32-bit numbers.")
        self.countMax = countMax
        self.horizonMilliseconds = horizonMilliseconds
    }

    func partition(_ entry: Entry) -> String { partitions[Int(entry.partition)] }

    func span(_ entry: Entry, topic: String) -> AppendedSpan {
        AppendedSpan(
            topic: topic, partition: partition(entry), firstIndex: entry.firstIndex,
            endIndex: entry.firstIndex &+ UInt64(entry.rowCount))
    }

    /// The key's entry; nil where it was never used, or too long before `now`.
    func find(_ key: Fingerprint, at now: Int64) -> Entry? {
        guard let slot = slot(of: key) else { return nil }
        let entry = ring[Int(slots[slot]) - 1]
        return isExpired(entry, at: now) ? nil : entry
    }

    mutating func insert(_ keys: KeyEntry) {
        if count == countMax { removeOldest() }
        if count == ring.count { resize(to: max(KeyTable.capacityMin, ring.count * 2)) }
        // Where each request has a partition of its own, most of them are those of keys that went.
        if partitions.count >= 2 * max(KeyTable.capacityMin, count) { resize(to: ring.count) }
        let place = (start + count) & (ring.count - 1)
        ring[place] = Entry(
            key: Fingerprint(keys.key), request: keys.request, firstIndex: keys.firstIndex, time: keys.time,
            rowCount: UInt32(truncatingIfNeeded: keys.rowCount), partition: number(of: keys.partition))
        count += 1
        point(to: place)
    }

    /// Forgets what was used too long before `now`.
    mutating func expire(at now: Int64) {
        while count > 0, isExpired(ring[start], at: now) { removeOldest() }
        if ring.count > KeyTable.capacityMin && count < ring.count / 8 { resize(to: ring.count / 4) }
    }

    /// Forgets the keys whose records are such: all of them are looked at.
    mutating func removeAll(where isGone: (_ partition: String, _ indexes: Range<UInt64>) -> Bool) {
        let kept = (0..<count).map { ring[(start + $0) & (ring.count - 1)] }.filter { entry in
            !isGone(partition(entry), entry.firstIndex..<entry.firstIndex &+ UInt64(entry.rowCount))
        }
        if kept.count == count { return }
        (ring, start, count) = (kept, 0, kept.count)
        var capacity = KeyTable.capacityMin
        while capacity < count { capacity *= 2 }
        resize(to: capacity)
    }

    // MARK: Inside

    private func isExpired(_ entry: Entry, at now: Int64) -> Bool {
        let (age, overflow) = now.subtractingReportingOverflow(entry.time)
        return overflow ? now > entry.time : age > horizonMilliseconds
    }

    private mutating func number(of partition: String) -> UInt32 {
        if let known = partitionNumbers[partition] { return known }
        let number = UInt32(partitions.count)
        partitions.append(partition)
        partitionNumbers[partition] = number
        return number
    }

    /// The slot that leads to the newest entry of `key`.
    private func slot(of key: Fingerprint) -> Int? {
        guard !slots.isEmpty else { return nil }
        var slot = home(key)
        while slots[slot] != 0 {
            if ring[Int(slots[slot]) - 1].key == key { return slot }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    private func home(_ key: Fingerprint) -> Int { Int(key.first & UInt64(slots.count - 1)) }

    /// Makes the entry at `place` the one that its key leads to. One of before, expired and not yet
    /// gone, stays in the ring and is led to no more.
    private mutating func point(to place: Int) {
        let key = ring[place].key
        var slot = home(key)
        while slots[slot] != 0 && ring[Int(slots[slot]) - 1].key != key {
            slot = (slot + 1) & (slots.count - 1)
        }
        slots[slot] = UInt32(place + 1)
    }

    private mutating func removeOldest() {
        if let slot = slot(of: ring[start].key), slots[slot] == UInt32(start + 1) { clear(slot) }
        start = (start + 1) & (ring.count - 1)
        count -= 1
    }

    /// Empties a slot and moves those behind it up, so that no run has a gap.
    private mutating func clear(_ slot: Int) {
        let mask = slots.count - 1
        var hole = slot
        var next = (slot + 1) & mask
        while slots[next] != 0 {
            let home = home(ring[Int(slots[next]) - 1].key)
            // It may move up unless its home lies behind the hole.
            if (next - home) & mask >= (next - hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = 0
    }

    /// Numbers the partitions of `entries` anew, and forgets the others.
    private mutating func renumber(_ entries: inout [Entry]) {
        let names = partitions
        (partitions, partitionNumbers) = ([], [:])
        var numbers = [UInt32?](repeating: nil, count: names.count)
        for place in entries.indices {
            let old = Int(entries[place].partition)
            let number = numbers[old] ?? number(of: names[old])
            numbers[old] = number
            entries[place].partition = number
        }
    }

    /// - Parameter capacity: a power of two.
    private mutating func resize(to capacity: Int) {
        var entries: [Entry] = []
        entries.reserveCapacity(capacity)
        for position in 0..<count { entries.append(ring[(start + position) % ring.count]) }
        renumber(&entries)
        let filler = Entry(
            key: Fingerprint(first: 0, second: 0), request: Fingerprint(first: 0, second: 0), firstIndex: 0,
            time: 0, rowCount: 0, partition: 0)
        entries.append(contentsOf: repeatElement(filler, count: capacity - count))
        ring = entries
        start = 0
        slots = [UInt32](repeating: 0, count: capacity * 2)
        for place in 0..<count { point(to: place) }
    }
}
