// Invariant checked: that of LogIndex.swift by which no index is shown twice, whichever of what was given up has come
// back, and no record is lost that a file in the directory has.
//
//     A1 ▒ small 0…10   B1 ▒ columns of them   A2 ▒ small 10…16   B2 ▒ columns   leap   C columns of 0…16
//     ▒ each hidden or there, in all sixteen ways

import CrashPoints
import Disk
import Records
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite struct LeapSubsetTests {
    /// Two closed segments of small appends, each before the columns that became of them; then, behind a leap over both
    /// columns, one block of all of them.
    private struct Log {
        var ledger = Ledger()
        let sources: [Manifest.Entry]

        init() throws {
            for count in [5, 3] {
                let (writer, _, _) = try ledger.open()
                try ledger.append(count, to: writer)
                ledger.failWrite(of: writer)
                try writer.sealActive()
                writer.end()
            }
            sources = try ledger.entries()
            #expect(sources.map(\.state) == [.closed, .sealed, .closed, .sealed])
        }

        /// Gives up the columns, and makes others of what they were made of.
        ///
        /// - Parameter isApart: whether the leap stands in a segment of its own.
        mutating func leap(isGone: Bool, isApart: Bool = false) throws {
            for source in [sources[1], sources[3]] { try ledger.hide(source, isGone: isGone) }
            let (writer, index, _) = try ledger.open(goesOn: true)
            if isApart { ledger.failWrite(of: writer) }
            try ledger.append(1, to: writer)
            try writer.sealActive()
            let blocks = try #require(index.snapshot().index.topics["fraud"]).segments.flatMap(\.blocks)
            #expect(blocks.map(\.indexes) == [0..<16, Leap.length..<Leap.length + 2])
            writer.end()
            try ledger.putBack()
        }

        mutating func hide(_ subset: Int, isGone: Bool) throws {
            for (position, source) in sources.enumerated() where subset & 1 << position != 0 {
                try ledger.hide(source, isGone: isGone)
            }
        }
    }

    @Test("before a leap what is there is shown, though what became of it or stood beside it is hidden")
    func beforeLeap() throws {
        for subset in 0..<16 {
            var log = try Log()
            try log.hide(subset, isGone: true)
            var there: [UInt64] = []
            if subset & 0b0011 != 0b0011 { there += Array(0..<10) }
            if subset & 0b1100 != 0b1100 { there += Array(10..<16) }
            let (snapshot, _) = try InferenceLog.openForReading(on: log.ledger.disk)
            #expect(Ledger.shown(snapshot, "engine") == there, "hidden \(subset)")
        }
    }

    @Test(
        "whichever files are hidden, each record that another file has is shown once, and stays",
        arguments: 0..<16, [false, true])
    func everySubset(subset: Int, isGone: Bool) throws {
        let place: Comment = "hidden \(subset), gone \(isGone)"
        var log = try Log()
        try log.leap(isGone: isGone)
        try log.hide(subset, isGone: isGone)
        let given = try #require(log.ledger.indexes["engine"])
        let (snapshot, _) = try InferenceLog.openForReading(on: log.ledger.disk)
        #expect(Ledger.shown(snapshot, "engine") == given.sorted(), place)
        // Nothing of it is lost in what is made anew, whether it has become columns by then or not.
        for seals in [false, true] {
            let (writer, index, _) = try log.ledger.open(goesOn: true)
            try log.ledger.append(1, to: writer)
            if seals { try writer.sealActive() }
            try log.ledger.rewriteSeen(by: writer)
            log.ledger.expectWhole(index.snapshot(), place)
            writer.end()
            let (again, _) = try InferenceLog.openForReading(on: log.ledger.disk)
            log.ledger.expectWhole(again, place)
        }
        try log.ledger.expectWholeOncePutBack(place)
    }

    @Test(
        "rows that one block has alone wait with their values, commits and neighbours, in the order of their indexes"
    )
    func rows() throws {
        var log = try Log()
        try log.leap(isGone: true)
        // What B2 has stands; C has the rest alone.
        try log.hide(0b0011, isGone: true)
        let (snapshot, _) = try InferenceLog.openForReading(on: log.ledger.disk)
        let topic = try #require(snapshot.index.topics["fraud"])
        let runs = try #require(topic.tails["engine"])
        #expect(runs.map(\.firstIndex) == [0] && runs.map(\.endIndex) == [10])
        #expect(runs[0].batch.times == Array(2..<12))
        #expect(
            runs[0].batch.fields.map(\.values) == [.scalar(Leaf(.float64([1, 2, 1, 2, 1, 2, 1, 2, 1, 2])))])
        #expect(runs[0].commitRuns == log.ledger.commits[..<5].map { CommitRun(commit: $0, rowCount: 2) })
        // The closed one that is seen may have some of what waits.
        let lenders = snapshot.index.uses.filter(\.value.isLent).map(\.key).sorted()
        #expect(lenders == [log.sources[2].number, try #require(try log.ledger.entries().last).number])
    }

    @Test("a field that was let go is not shown of rows that wait again")
    func redacted() throws {
        for redactsLast in [false, true] {
            var log = try Log()
            // Before the leap, or behind the block that has them: where the tombstone stands does not matter.
            func redact() throws {
                let (writer, _, _) = try log.ledger.open()
                #expect(try writer.erase { Tombstone(redacting: "in.x", of: "fraud", in: $0) } != nil)
                try writer.sealActive()
                writer.end()
            }
            if !redactsLast { try redact() }
            try log.leap(isGone: true)
            if redactsLast { try redact() }
            for subset in [0b0000, 0b0011, 0b0111] {
                try log.hide(subset, isGone: true)
                let (snapshot, _) = try InferenceLog.openForReading(on: log.ledger.disk)
                let runs = snapshot.index.topics["fraud"]?.tails["engine"] ?? []
                let names = runs.filter { $0.firstIndex < Leap.length }.flatMap(\.batch.fields).map(\.name)
                #expect(names == [], "hidden \(subset), redacted last \(redactsLast)")
                try log.ledger.putBack()
            }
        }
    }

    @Test("a block from before a leap is known as one, though the leap stands in what is hidden")
    func hiddenLeap() throws {
        var log = try Log()
        try log.leap(isGone: true, isApart: true)
        let entries = try log.ledger.entries()
        #expect(entries[4...].map(\.state) == [.closed, .sealed])
        try log.ledger.hide(entries[4], isGone: true)
        let (snapshot, _) = try InferenceLog.openForReading(on: log.ledger.disk)
        #expect(snapshot.index.lastLeap == 0)
        log.ledger.expectWhole(snapshot, "the leap is hidden")
        try log.ledger.expectWholeOncePutBack("the leap is back")
    }

    /// Appends, failing writes and rewrites, while files go and come back, one by one.
    private static func live(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var log = Ledger()
        log.tailRowCountMax = Int.random(in: 4...20, using: &generator)
        for step in 0..<Int.random(in: 8...20, using: &generator) {
            let place: Comment = "seed \(seed), step \(step)"
            switch Int.random(in: 0..<9, using: &generator) {
            case 0...3:
                let (writer, index, _) = try log.open(goesOn: true)
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    let partition = generator.chance(1, in: 4) ? "other" : "engine"
                    try log.append(Int.random(in: 1...6, using: &generator), partition, to: writer)
                    if generator.chance(1, in: 2) { log.failWrite(of: writer) }
                }
                if generator.chance(3, in: 4) { try writer.sealActive() }
                log.expectNothingTwice(index.snapshot(), place)
                writer.end()
            case 4:
                let (writer, index, _) = try log.open(goesOn: true)
                try log.rewriteSeen(by: writer)
                log.expectNothingTwice(index.snapshot(), place)
                writer.end()
            case 5...6:
                let isGone = Bool.random(using: &generator)
                let entries = (try Manifest.read(LogConfiguration(), on: log.disk))?.entries ?? []
                let there = entries.filter { log.hidden[FileName.segment($0.number)] == nil }
                if let entry = there.randomElement(using: &generator) {
                    try log.hide(entry, isGone: isGone)
                }
            default:
                if let name = log.hidden.keys.sorted().randomElement(using: &generator) {
                    try log.putBack([name])
                }
            }
            let (snapshot, _) = try InferenceLog.openForReading(on: log.disk)
            log.expectNothingTwice(snapshot, place)
        }
        try log.putBack()
        let (snapshot, report) = try InferenceLog.openForReading(on: log.disk)
        #expect(report.damages == [], "seed \(seed)")
        log.expectWhole(snapshot, "seed \(seed)")
    }

    @Test(
        "no index is shown twice, and none is lost, in any life of files that go and come back",
        arguments: 0..<8 as Range<UInt64>)
    func lives(batch: UInt64) throws {
        for seed in stride(from: batch, to: 96, by: 8) { try Self.live(seed) }
    }

    private static func block(_ number: Int, _ indexes: Range<UInt64>) -> BlockEntry {
        BlockEntry(
            topic: "fraud", partition: "p\(number)", offset: 32, byteCount: 100, headByteCount: 50,
            kind: .rolled, firstIndex: indexes.lowerBound, rowCount: indexes.count, timeMin: 0, timeMax: 0,
            firstCommit: 1, lastCommit: 1)
    }

    @Test("the blocks of a segment that are added together are seen as those that are added one by one")
    func together() {
        var generator = SeededGenerator(seed: 7)
        var inPartCount = 0
        for round in 0..<300 {
            var (together, each) = (TopicIndex(), TopicIndex())
            for segment in 0..<4 as Range<UInt64> {
                let blocks = BlockList(
                    (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                        // Some before the leap, on rows that others may have, and some behind it.
                        let start = UInt64.random(in: 0..<12, using: &generator) * 4
                        let count = UInt64.random(in: 1...6, using: &generator)
                        return Self.block(Int.random(in: 0..<3, using: &generator), start..<start + count)
                    })
                let found = together.append(sealed: blocks, segment: segment, 24)
                var expected: (seenByteCount: Int, inPart: [BlockEntry]) = (0, [])
                for block in blocks {
                    switch each.append(block, segment: segment, 24) {
                    case .seen: expected.seenByteCount += block.byteCount
                    case .notSeen: break
                    case .inPart: expected.inPart.append(block)
                    }
                }
                #expect(found.seenByteCount == expected.seenByteCount, "round \(round)")
                #expect(found.inPart == expected.inPart, "round \(round)")
                inPartCount += found.inPart.count
            }
            #expect(together.nextIndexes == each.nextIndexes, "round \(round)")
            #expect(together.segments.map(\.segment) == each.segments.map(\.segment), "round \(round)")
            #expect(together.segments.map(\.blocks) == each.segments.map(\.blocks), "round \(round)")
        }
        #expect(inPartCount > 30)
    }

    @Test(
        "a block of before a leap is looked up among its own partition's, of ten thousand as of ten",
        arguments: [10, 10_000])
    func steps(partitionCount: Int) {
        func block(_ number: Int, _ firstIndex: UInt64) -> BlockEntry {
            Self.block(number, firstIndex..<firstIndex + 4)
        }
        var topic = TopicIndex()
        for segment in 0..<3 as Range<UInt64> {
            let blocks = BlockList((0..<partitionCount).map { block($0, segment * 4) })
            #expect(topic.append(sealed: blocks, segment: segment, 0).seenByteCount == 100 * partitionCount)
        }
        topic.noteHeld(before: Leap.length)
        for number in 0..<partitionCount {
            #expect(topic.append(block(number, 12), segment: 3, Leap.length) == .seen)
            #expect(topic.append(block(number, 4), segment: 3, Leap.length) == .notSeen)
        }
        // Each once, and what repeats besides with the one range that it touches.
        #expect(topic.held.stepCount == 6 * partitionCount)
    }
}
