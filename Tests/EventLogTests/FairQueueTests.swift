// Invariants checked: the three at the head of FairQueue.swift.

import CrashPoints
import Simulation
import Testing

@testable import EventLog

@Suite struct FairQueueTests {
    private static func source(_ number: Int) -> AppendSource {
        AppendSource(topic: "t\(number % 3)", partition: "p\(number / 3)")
    }

    @Test(
        "what is taken is what was added, each source's in its order, whatever the sizes", arguments: 0..<20)
    func model(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var queue = FairQueue<(source: Int, number: Int)>(byteCountMax: 1000)
        var lines: [Int: [(number: Int, size: Int, isBeyond: Bool)]] = [:]
        /// Which place a size has: none up to 15, then one up to 31, 62, 125 and beyond.
        func place(_ size: Int) -> Int? { [125, 62, 31, 15].firstIndex { size > $0 } }
        for number in 0..<600 {
            if generator.chance(2, in: 3) {
                let source = Int.random(in: 0..<6, using: &generator)
                let size = Int.random(in: 1...(generator.chance(1, in: 20) ? 1500 : 120), using: &generator)
                let before = (queue.byteCount, queue.count)
                func bounded(_ belongs: (Int) -> Bool) -> Int {
                    lines.filter { belongs($0.key) }.values.joined().reduce(0) {
                        $0 + ($1.isBeyond ? 0 : $1.size)
                    }
                }
                let own = bounded { $0 == source }
                let refusal = queue.add((source, number), byteCount: size, of: Self.source(source))
                let limit = 1000 - bounded { _ in true } - bounded { $0 % 3 == source % 3 }
                let fits = own + size <= limit
                let mayBeBeyond =
                    place(size) != nil
                    && !lines.values.joined().contains { $0.isBeyond && place($0.size) == place(size) }
                #expect((refusal == nil) == (fits || mayBeBeyond), "seed \(seed), step \(number)")
                if refusal == nil {
                    lines[source, default: []].append((number, size, !fits))
                } else {
                    #expect(refusal?.waitingByteCount == own && refusal?.limit == max(0, limit))
                    #expect((queue.byteCount, queue.count) == before)
                }
            } else {
                let target = Int.random(in: 0...400, using: &generator)
                let taken = queue.take(upTo: target)
                #expect(taken.isEmpty == lines.values.allSatisfy(\.isEmpty), "seed \(seed), step \(number)")
                var size = 0
                for item in taken {
                    let first = lines[item.source]?.removeFirst()
                    #expect(first?.number == item.number, "seed \(seed), step \(number)")
                    size += first?.size ?? 0
                }
                #expect(size <= target || taken.count == 1)
            }
            #expect(queue.byteCount == lines.values.joined().reduce(0) { $0 + $1.size })
            let others = lines.values.joined().filter { $0.isBeyond && $0.size <= 125 }
            #expect(others.reduce(0) { $0 + $1.size } < 250, "seed \(seed), step \(number)")
            #expect(queue.count == lines.values.reduce(0) { $0 + $1.count })
        }
    }

    @Test("sources take turns, and one that comes anew is behind each of them once")
    func turns() {
        var queue = FairQueue<String>(byteCountMax: 1000)
        for number in 0..<5 { #expect(queue.add("a\(number)", byteCount: 1, of: Self.source(0)) == nil) }
        for number in 0..<2 { #expect(queue.add("b\(number)", byteCount: 1, of: Self.source(1)) == nil) }
        #expect(queue.take(upTo: 3) == ["a0", "b0", "a1"])
        #expect(queue.add("c0", byteCount: 1, of: Self.source(2)) == nil)
        #expect(queue.take(upTo: 10) == ["b1", "a2", "c0", "a3", "a4"])
        #expect(queue.count == 0 && queue.take(upTo: 10) == [])
    }

    @Test("a topic of many partitions has no more turns than one of a single one")
    func topicsTakeTurns() {
        var queue = FairQueue<String>(byteCountMax: 1000)
        for partition in 0..<4 {
            for number in 0..<2 {
                let source = AppendSource(topic: "busy", partition: "\(partition)")
                #expect(queue.add("\(partition)\(number)", byteCount: 1, of: source) == nil)
            }
        }
        for number in 0..<3 {
            let source = AppendSource(topic: "calm", partition: "p")
            #expect(queue.add("c\(number)", byteCount: 1, of: source) == nil)
        }
        #expect(
            queue.take(upTo: 100) == ["00", "c0", "10", "c1", "20", "c2", "30", "01", "11", "21", "31"])
    }

    @Test("a large request is taken beyond the bound, one at a time, and takes no room of the small ones")
    func large() {
        var queue = FairQueue<String>(byteCountMax: 800)
        #expect(queue.add("small", byteCount: 1, of: Self.source(0)) == nil)
        // More than all there is, and as much as there is: neither ever fits beside a small one.
        #expect(queue.add("large", byteCount: 900, of: Self.source(0)) == nil)
        #expect(queue.add("next", byteCount: 800, of: Self.source(1)) != nil)
        #expect(queue.byteCount == 901)
        for _ in 0..<50 { #expect(queue.add("small", byteCount: 1, of: Self.source(0)) == nil) }
        for _ in 0..<50 { #expect(queue.add("small", byteCount: 1, of: Self.source(1)) == nil) }
        // In its place in its line.
        #expect(queue.take(upTo: 10) == ["small", "small"])
        #expect(queue.take(upTo: 10) == ["large"])
        #expect(queue.add("next", byteCount: 800, of: Self.source(1)) == nil)
        while queue.count > 0 { _ = queue.take(upTo: 10) }
        #expect(queue.byteCount == 0)
    }

    @Test(
        "a request gets its turn however steadily ones of half its size come",
        arguments: [13, 20, 26, 90, 100, 700])
    func turnOfEachSize(size: Int) {
        var queue = FairQueue<Int>(byteCountMax: 800)
        // Whoever posts small ones takes all room there is, also where something was just taken.
        let small = min(size / 2, 100)
        func fill() {
            var refusedCount = 0
            for number in 3... where refusedCount < 3 {
                let refusal = queue.add(small, byteCount: small, of: Self.source(number))
                refusedCount = refusal == nil ? 0 : refusedCount + 1
                if refusedCount == 3 { return }
            }
        }
        for round in 0..<20 {
            fill()
            #expect(queue.add(size, byteCount: size, of: Self.source(0)) == nil, "round \(round)")
            fill()
            var taken: [Int] = []
            while !taken.contains(size), queue.count > 0 {
                taken = queue.take(upTo: 1)
                if taken != [size] { fill() }
            }
            #expect(taken == [size], "round \(round)")
        }
        #expect(queue.byteCount <= 1000)
    }

    @Test("one source alone may fill a third, and leaves room for another", arguments: [1, 7, 100])
    func shares(size: Int) {
        var queue = FairQueue<Int>(byteCountMax: 12_000)
        func fill(_ number: Int) -> Int {
            var byteCount = 0
            while queue.add(0, byteCount: size, of: Self.source(number)) == nil { byteCount += size }
            return byteCount
        }
        #expect((4000 - size...4000 + size).contains(fill(0)))
        // Another topic's; then another partition of the first.
        #expect((2667 - size...2667 + size).contains(fill(1)))
        let rest = fill(3)
        #expect(rest > 0 && rest < 2667)
        #expect(queue.byteCount <= 12_000)
    }
}
