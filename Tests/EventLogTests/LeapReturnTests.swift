// Invariants checked: those at the head of Leap.swift, where what is lost was made anew or holds leaps itself, and
// comes back; and where the numbers themselves are at an end.
//
//     numbers given, all written down ──► a segment hidden ──► given up, more numbers ──► back: each there, once

import CrashPoints
import Disk
import Records
import Segments
import Simulation
import Testing

@testable import EventLog

/// What is lost.
enum Lost: CaseIterable, CustomTestStringConvertible {
    /// Columns of what waited in a segment that was given up after a failed write.
    case rolled
    /// A segment that was never sealed.
    case killed
    case compacted
    case redacted
    /// With more numbers behind the leap than there are in what was given up by it.
    case leap
    case twoLeaps

    var testDescription: String { "\(self)" }

    /// A log with one segment hidden.
    func log(isGone: Bool) throws -> Ledger {
        var log = Ledger()
        switch self {
        case .rolled:
            let (writer, _, _) = try log.open()
            try log.append(2, to: writer)
            log.failWrite(of: writer)
            try log.append(2, to: writer)
            try writer.sealActive()
            writer.end()
            #expect(try log.entries().map(\.state) == [.closed, .sealed])
        case .killed:
            try log.session(2)
            try log.session(2, seals: false)
            #expect(try log.entries().map(\.state) == [.sealed, .active])
        case .compacted:
            for _ in 0..<3 { try log.session(3) }
            try log.rewrite(from: 2)
            #expect(try log.entries().count == 2)
        case .redacted:
            for _ in 0..<2 { try log.session(3) }
            try log.rewrite(redacting: "in.x")
            try log.session(1)
            let first = try #require(try log.entries().first)
            #expect(first.number > 2, "it was made anew")
            try log.hide(first, isGone: isGone)
            return log
        case .leap, .twoLeaps:
            try log.session(2)
            try log.session(1)
            try log.hide(try log.entries().last, isGone: isGone)
            try log.session(9, goesOn: true)
            try log.putBack()
            if self == .twoLeaps {
                try log.session(1)
                try log.hide(try log.entries().last, isGone: isGone)
                try log.session(9, goesOn: true)
                try log.putBack()
                try log.rewrite(from: 3)
                #expect(try log.entries().count == 3)
            }
        }
        try log.hide(try log.entries().last, isGone: isGone)
        return log
    }
}

@Suite struct LeapReturnTests {
    @Test(
        "what is lost comes back whole, to numbers that nobody else was given, whatever it holds",
        arguments: Lost.allCases, [false, true])
    func comesBack(lost: Lost, isGone: Bool) throws {
        for seals in [false, true] {
            let place: Comment = "\(lost), gone \(isGone), sealed \(seals)"
            var log = try lost.log(isGone: isGone)
            do {
                let (writer, _, report) = try log.open()
                #expect(report.damages.count == 1, place)
                #expect(throws: LogError.self, place) { try writer.commit([Ledger.item(1000, "engine")]) }
                writer.end()
            }
            try log.session(3, goesOn: true, seals: seals)
            try log.session(2, seals: seals)
            try log.expectWholeOncePutBack(place)
        }
    }

    // Small appends stand before what is hidden and behind it, and eight neighbours are one run in memory: a block of
    // those that were seen has to leave the others where they wait.
    @Test(
        "the hidden end of a segment comes back whole, however many small appends were seen before it",
        arguments: [false, true])
    func endComesBack(isClosed: Bool) throws {
        var hiddenCount = 0
        for offset in stride(from: 32, to: 10_000, by: 61) {
            let place: Comment = "closed \(isClosed), byte \(offset)"
            var log = Ledger()
            do {
                let (writer, _, _) = try log.open()
                try log.append(11, to: writer)
                if isClosed { log.failWrite(of: writer) }
                try log.append(5, to: writer)
                writer.end()
            }
            let first = try #require(try log.entries().first)
            let size = try #require(log.disk.bytes(of: FileName.segment(first.number))).count
            guard offset < size else { break }
            try log.hide(first, from: offset)
            let (writer, index, _) = try log.open()
            let isHidden = !index.snapshot().index.unseen.isEmpty
            writer.end()
            // Behind the last whole envelope damage is a torn tail, which nobody acknowledged.
            guard isHidden else { continue }
            hiddenCount += 1
            try log.session(3, goesOn: true)
            try log.session(2)
            try log.expectWholeOncePutBack(place)
        }
        #expect(hiddenCount > 10, "\(hiddenCount) places hide something")
    }

    @Test(
        "a leap gives up what was hidden then: what is hidden later is refused, though it stands before the leap"
    )
    func givesUpByName() throws {
        var log = Ledger()
        for _ in 0..<2 { try log.session(2) }
        try log.hide(try log.entries().last, isGone: false)
        try log.session(1, goesOn: true)
        let first = try #require(try log.entries().first)
        try log.hide(first, isGone: true)
        let places = [SegmentPlace(file: FileName.segment(first.number), byteOffset: 0)]
        do {
            let (writer, index, _) = try log.open()
            #expect(index.snapshot().index.unseen == places)
            #expect(throws: LogError.unseen(places)) { try writer.commit([Ledger.item(1000, "engine")]) }
            writer.end()
        }
        try log.session(1, goesOn: true)
        #expect(try #require(log.indexes["engine"]).suffix(2) == [2 * Leap.length, 2 * Leap.length + 1])
        try log.putBack()
        #expect(try LogCheck.findings(on: log.disk) == [])
    }

    @Test(
        "a log that takes no appends is closed in order, though what waits in it cannot become columns",
        arguments: [false, true])
    func closes(hasNoLeap: Bool) async throws {
        var log = Ledger()
        try log.session(2)
        try log.session(2, seals: false)
        try log.hide(try log.entries().first, isGone: false)
        var configuration = LogConfiguration()
        if hasNoLeap {
            configuration.goesOnWithoutUnseen = true
            var manifest = try #require(try Manifest.read(configuration, on: log.disk))
            manifest.nextSegmentNumber += Leap.countMax << 32
            try manifest.replace(configuration, on: log.disk)
        }
        let expected: LogMetrics.Reason = hasNoLeap ? .disk : .unseen
        for _ in 0..<2 {
            let (opened, _) = try InferenceLog.open(configuration, on: log.disk)
            #expect(try await opened.close()?.refusalReason == expected)
        }
        try log.putBack()
        let (snapshot, report) = try InferenceLog.openForReading(on: log.disk)
        #expect(report.damages == [])
        log.expectWhole(snapshot, "put back")
    }

    @Test("what is deleted behind a leap is deleted in what was given up as well, when it comes back")
    func deletesWhatComesBack() throws {
        var log = Ledger()
        for _ in 0..<2 { try log.session(2) }
        try log.hide(try log.entries().last, isGone: true)
        do {
            let (writer, _, _) = try log.open(goesOn: true)
            #expect(try writer.erase { Tombstone(deleting: "fraud", in: $0) } != nil)
            #expect(try writer.erase { Tombstone(deleting: "fraud", in: $0) } == nil, "nothing is left to do")
            try writer.sealActive()
            writer.end()
        }
        try log.putBack()
        let (writer, index, report) = try log.open()
        #expect(report.damages == [])
        #expect(index.snapshot().index.topics["fraud"]?.rowCount == 0)
        #expect(index.snapshot().index.pendingErasures.count == 2)
        writer.end()
        try log.rewrite()
        try log.session(1)
        #expect(try LogCheck.findings(on: log.disk) == [])
    }

    // No tombstone could name it.
    @Test("so it is of partitions that nobody saw when it was asked for, and what they get later stays")
    func deletesPartitionsThatComeBack() throws {
        var log = Ledger()
        try log.session(2)
        do {
            let (writer, _, _) = try log.open()
            try log.append(2, "late", to: writer)
            try writer.sealActive()
            writer.end()
        }
        try log.hide(try log.entries().last, isGone: true)
        do {
            let (writer, index, _) = try log.open(goesOn: true)
            #expect(index.snapshot().index.topics["fraud"]?.nextIndexes["late"] == nil)
            #expect(try writer.erase { Tombstone(deleting: "fraud", in: $0) } != nil)
            #expect(try writer.erase { Tombstone(deleting: "fraud", in: $0) } == nil, "nothing is left to do")
            try log.append(1, "late", to: writer)
            try writer.sealActive()
            writer.end()
        }
        try log.putBack()
        for isRewritten in [false, true] {
            if isRewritten { try log.rewrite() }
            #expect(try LogCheck.findings(on: log.disk) == [])
            let (writer, index, report) = try log.open()
            #expect(report.damages == [])
            let snapshot = index.snapshot()
            #expect(Ledger.shown(snapshot, "late") == [Leap.length, Leap.length + 1])
            #expect(snapshot.index.topics["fraud"]?.rowCount == 2)
            #expect(snapshot.index.topics["fraud"]?.isDeleted("late", 0..<4) == true)
            #expect(snapshot.index.topics["fraud"]?.isDeleted("late", Leap.length..<Leap.length + 1) == false)
            #expect(snapshot.index.pendingErasures.isEmpty == isRewritten)
            writer.end()
        }
    }

    @Test(
        "a topic of which nothing was seen is deleted, or redacted, when it comes back",
        arguments: [false, true])
    func erasesTopicThatComesBack(redacts: Bool) throws {
        var log = Ledger()
        try log.session(2)
        try log.hide(try log.entries().last, isGone: true)
        func tombstone(_ index: LogIndex) -> Tombstone? {
            redacts
                ? Tombstone(redacting: "in.x", of: "fraud", in: index)
                : Tombstone(deleting: "fraud", in: index)
        }
        do {
            let (writer, index, _) = try log.open(goesOn: true)
            #expect(index.snapshot().index.topics["fraud"] == nil)
            #expect(try writer.erase(tombstone) != nil)
            #expect(try writer.erase(tombstone) == nil, "nothing is left to do")
            // None that is gone is listed.
            #expect(index.snapshot().index.topics["fraud"]?.isDeleted == !redacts)
            try writer.sealActive()
            writer.end()
        }
        try log.putBack()
        let (writer, index, report) = try log.open()
        #expect(report.damages == [])
        let topic = try #require(index.snapshot().index.topics["fraud"])
        #expect(topic.rowCount == (redacts ? 6 : 0))
        #expect(topic.segments.flatMap(\.blocks).allSatisfy { topic.hides($0) })
        #expect(index.snapshot().index.pendingErasures.count == 1)
        writer.end()
    }

    @Test("a redaction that stood in what was given up is carried out when it is asked for again")
    func redactsAgain() throws {
        var log = Ledger()
        try log.session(3)
        do {
            let (writer, _, _) = try log.open()
            #expect(try writer.erase { Tombstone(redacting: "in.x", of: "fraud", in: $0) } != nil)
            try writer.sealActive()
            writer.end()
        }
        let hidden = try #require(try log.entries().last)
        try log.hide(hidden, isGone: false)
        func rewrite(_ writer: LogWriter) throws {
            let done = try writer.compact()
            #expect(done.left == [] && done.report.problems == [] && done.report.rewriteCount > 0)
        }
        do {
            // What is made anew without knowing of it says that all tombstones up to then were carried out.
            let (writer, _, _) = try log.open(goesOn: true)
            try rewrite(writer)
            try writer.sealActive()
            writer.end()
        }
        try log.putBack()
        let (writer, index, report) = try log.open()
        #expect(report.damages == [])
        #expect(try writer.erase { Tombstone(redacting: "in.x", of: "fraud", in: $0) } != nil)
        try rewrite(writer)
        let snapshot = index.snapshot()
        #expect(snapshot.index.pendingErasures == [])
        let topic = try #require(snapshot.index.topics["fraud"])
        #expect(topic.rowCount == 8)
        for blocks in topic.segments {
            for block in blocks.blocks {
                let fields = try snapshot.files.segment(blocks.segment).head(block).fields
                #expect(fields.map(\.name) == [])
            }
        }
        #expect(try writer.erase { Tombstone(redacting: "in.x", of: "fraud", in: $0) } == nil)
        writer.end()
    }

    @Test("what is given up is given up for good with the opening itself, though nothing is appended")
    func atOnce() throws {
        var log = Ledger()
        for _ in 0..<2 { try log.session(2) }
        try log.hide(try log.entries().last, isGone: false)
        do {
            let (writer, index, _) = try log.open(goesOn: true)
            #expect(index.snapshot().index.unseen == [] && index.snapshot().cut == Leap.length)
            writer.end()
        }
        log.disk.crash { $0.lowerBound }
        try log.session(1)
        #expect(try #require(log.indexes["engine"]).last == Leap.length + 1)
    }

    @Test("on a full disk it is given up when there is room, by one leap, however often that was tried")
    func fullDisk() throws {
        var refusedCount = 0
        for room in stride(from: 0, to: 500, by: 5) {
            var log = Ledger()
            for _ in 0..<2 { try log.session(2) }
            try log.hide(try log.entries().last, isGone: false)
            FullDisk.limit(log.disk, toRoom: room)
            let (writer, _, _) = try log.open(goesOn: true)
            for _ in 0..<3 {
                do throws(LogError) {
                    try writer.giveUpUnseen()
                    break
                } catch {
                    refusedCount += 1
                    #expect(error.isOutOfSpace, "\(room) bytes of room: \(error)")
                }
            }
            log.disk.setPlan(SimulatedFileSystem.FaultPlan())
            try log.append(1, to: writer)
            #expect(try #require(log.indexes["engine"]).last == Leap.length + 1, "\(room) bytes of room")
            writer.end()
        }
        #expect(refusedCount > 30)
    }
}
