// Invariants checked: the three at the head of KeyTable.swift, against a plain array.

import Bytes
import CrashPoints
import Segments
import Simulation
import Testing

@testable import EventLog

@Suite struct KeyTableTests {
    private static func entry(_ key: String, _ number: Int, at time: Int64) -> KeyEntry {
        KeyEntry(
            topic: "t", partition: "p\(number % 3)", key: key, request: Fingerprint("\(number)"),
            firstIndex: UInt64(number), rowCount: number % 5 + 1, time: time)
    }

    @Test("a key is found while it is young and among the last, whatever came and went", arguments: 0..<12)
    func model(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let countMax = [1, 3, 64, 100, 300][Int.random(in: 0..<5, using: &generator)]
        let horizon = Int64([5, 50, 100_000][Int.random(in: 0..<3, using: &generator)])
        var table = KeyTable(countMax: countMax, horizonMilliseconds: horizon)
        var model: [KeyEntry] = []
        var now: Int64 = 1000
        for number in 0..<900 {
            // The clock stands, goes, and sometimes goes back a little.
            now += Int64.random(in: -2...4, using: &generator)
            if generator.chance(1, in: 60) { now += horizon * 2 }
            let key = "k\(Int.random(in: 0..<(countMax * 2 + 3), using: &generator))"
            let isKnown = table.find(Fingerprint(key), at: now) != nil
            // As the log does: a key is used again only when it is not known any more.
            if !isKnown {
                let entry = Self.entry(key, number, at: now)
                table.insert(entry)
                model.append(entry)
                if model.count > countMax { model.removeFirst() }
            }
            if generator.chance(1, in: 3) {
                table.expire(at: now)
                while let first = model.first, now - first.time > horizon { model.removeFirst() }
            }
            for _ in 0..<4 {
                let probe = "k\(Int.random(in: 0..<(countMax * 2 + 3), using: &generator))"
                let expected = model.last { $0.key == probe }.flatMap { now - $0.time > horizon ? nil : $0 }
                let found = table.find(Fingerprint(probe), at: now)
                #expect(found?.firstIndex == expected?.firstIndex, "seed \(seed), step \(number), \(probe)")
                if let found, let expected {
                    #expect(
                        table.partition(found) == expected.partition && found.request == expected.request
                            && Int(found.rowCount) == expected.rowCount && found.time == expected.time)
                }
            }
            #expect(table.count == model.count, "seed \(seed), step \(number)")
        }
    }

    @Test("an entry is 56 bytes; the most that a topic may have take 64 MiB with their slots, no more")
    func memory() {
        #expect(MemoryLayout<KeyTable.Entry>.stride == 56)
        #expect(LogConfiguration().keyCountMax * (56 + 8) == 64 << 20)
    }

    @Test("partitions whose keys went are forgotten, and those of the others stay theirs")
    func partitionsOfTheirOwn() {
        func entry(_ number: Int) -> KeyEntry {
            KeyEntry(
                topic: "t", partition: "p\(number)", key: "k\(number)", request: Fingerprint("\(number)"),
                firstIndex: 0, rowCount: 1, time: Int64(number))
        }
        var table = KeyTable(countMax: 100, horizonMilliseconds: 1_000_000)
        for number in 0..<1000 {
            table.insert(entry(number))
            #expect(table.partitions.count <= 200, "after \(number)")
        }
        for number in 900..<1000 {
            let found = table.find(Fingerprint("k\(number)"), at: 1000)
            #expect(found.map(table.partition) == "p\(number)")
        }
        table.removeAll { partition, _ in partition != "p950" }
        #expect(table.partitions == ["p950"])

        var great = KeyTable(countMax: 10_000, horizonMilliseconds: 10)
        for number in 0..<5000 { great.insert(entry(number)) }
        for _ in 0..<10 { great.expire(at: 1_000_000) }
        #expect(great.count == 0 && great.partitions.isEmpty)
    }

    @Test("keys of any times that a file may claim expire or do not, and trap nobody")
    func oddTimes() {
        var table = KeyTable(countMax: 10, horizonMilliseconds: 100)
        for (number, time) in [Int64.min, -1, 0, .max].enumerated() {
            table.insert(Self.entry("k\(number)", number, at: time))
        }
        #expect(table.find(Fingerprint("k3"), at: 0) != nil, "of the future: the clock went back")
        #expect(table.find(Fingerprint("k0"), at: .max) == nil)
        table.expire(at: 1000)
        #expect(table.count == 1)
    }
}
