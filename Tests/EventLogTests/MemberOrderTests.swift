// Checked here: what is answered of whole records stays, to the byte, whatever becomes of the blocks that hold them,
// also where records have their members in unlike orders; and those who post so leave no block a record.

import Disk
import Queries
import Records
import Segments
import Simulation
import Testing
import Wire

@testable import EventLog

@Suite("The order of records' members") struct MemberOrderTests {
    @Test(
        "no answer changes as records are rolled, joined, regrouped and recovered", arguments: UInt64(1)...6)
    func histories(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var log = try OrderedLog { $0.segmentByteCountMax = 12_000 }
        var told: [(cut: CommitNumber, answers: [String: [UInt8]])] = []
        var rewriteCount = 0
        func check(_ what: String) throws {
            for (cut, answers) in told {
                let now = try log.answers(at: cut)
                for (question, bytes) in answers.sorted(by: { $0.key < $1.key }) where now[question] != bytes
                {
                    let texts = [bytes, now[question] ?? []].map { String(decoding: $0, as: UTF8.self) }
                    Issue.record("seed \(seed), \(question) at \(cut), \(what): \(texts[0]) ≠ \(texts[1])")
                    return
                }
            }
        }
        for number in 0..<40 {
            try log.commit(of: number, &generator)
            if number % 16 == 7 { told.append((log.cut, try log.answers(at: log.cut))) }
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: try log.restart(inOrder: true)
            case 1: try log.restart(inOrder: false)
            case 2: rewriteCount += try log.compact()
            default: break
            }
            if number % 10 == 9 { try check("after commit \(number)") }
        }
        try log.restart(inOrder: true)
        try check("sealed")
        rewriteCount += try log.compact()
        try check("made anew")
        try log.restart(inOrder: false)
        try check("opened again")
        #expect(rewriteCount > 0)
    }

    @Test("blocks whose orders contradict each other stay apart, and each record is as it was posted")
    func contradicting() throws {
        var log = try OrderedLog()
        let lines = [
            #"{"time":1,"a":1,"b":2}"#, #"{"time":2,"b":3,"a":4}"#, #"{"time":3,"b":5,"a":6}"#,
            #"{"time":4,"a":7,"b":8}"#,
        ]
        for line in lines { try log.commitColumns(line) }
        try log.restart(inOrder: true)
        #expect(try log.lines() == lines)
        #expect(try log.compact() == 1 && log.rowCounts == [1, 2, 1])
        #expect(try log.lines() == lines)
    }

    @Test("blocks with one order of all fields are joined, though a field comes late that stands first")
    func late() throws {
        var log = try OrderedLog()
        let lines = [
            #"{"time":1,"b":2,"d":1}"#, #"{"time":2,"a":1,"b":3}"#, #"{"time":3,"c":4,"d":5}"#,
            #"{"time":4,"b":6,"c":7}"#,
        ]
        for line in lines { try log.commitColumns(line) }
        try log.restart(inOrder: true)
        #expect(try log.compact() == 1 && log.rowCounts == [4])
        #expect(try log.lines() == lines)
    }

    @Test("of those who post single records in two orders for ever, each is told at once what it will stay")
    func twoClients() throws {
        var log = try OrderedLog { $0.tailRowCountMax = 64 }
        for number in 0..<400 {
            try log.commitSmall(
                number % 2 == 0
                    ? "{\"time\":\(number),\"a\":1,\"b\":2}" : "{\"time\":\(number),\"b\":3,\"x\":0,\"a\":4}")
            guard number < 3 || number == 199 || number == 399 else { continue }
            let lines = try log.lines()
            #expect(lines.first == #"{"time":0,"a":1,"b":2}"#)
            #expect(lines.count == 1 || lines[1] == #"{"time":1,"a":4,"b":3,"x":0}"#)
        }
        let before = try log.lines()
        try log.restart(inOrder: true)
        #expect(try log.lines() == before)
        // As of those who agree.
        #expect(log.rowCounts == [64, 64, 64, 64, 64, 64, 16])
    }

    @Test("few records of partitions without number are joined, whoever posted them in which order")
    func manyPartitions() throws {
        // Each commit rolls what waited before it, a row or two of each partition.
        var log = try OrderedLog {
            $0.tailByteCountMax = 1
            $0.shortRowCount = 256
        }
        for number in 0..<60 {
            try log.commitSmall(
                number % 3 == 0
                    ? "{\"time\":\(number),\"a\":1,\"b\":2}" : "{\"time\":\(number),\"b\":3,\"a\":4}",
                partition: "p\(number % 2)")
        }
        try log.restart(inOrder: true)
        #expect(log.rowCounts.count == 60)
        #expect(try log.compact() == 1 && log.rowCounts == [30, 30])
    }

    @Test("an order that a log had before it was opened ends a block, and no more than one")
    func opened() throws {
        var log = try OrderedLog()
        for number in 0..<6 { try log.commitSmall("{\"time\":\(number),\"a\":1,\"b\":2}") }
        try log.restart(inOrder: false)
        for number in 6..<12 { try log.commitSmall("{\"time\":\(number),\"b\":1,\"a\":2}") }
        let before = try log.lines()
        #expect(before[5] == #"{"time":5,"a":1,"b":2}"# && before[6] == #"{"time":6,"b":1,"a":2}"#)
        try log.restart(inOrder: true)
        #expect(try log.lines() == before && log.rowCounts == [6, 6])
    }
}

/// A log of one topic on a simulated disk, and what is answered of it.
private struct OrderedLog {
    private let disk = SimulatedFileSystem()
    private var configuration = LogConfiguration()
    private var writer: LogWriter
    private var shared: SharedIndex
    private let encoder = BlockEncoder()

    init(_ change: (inout LogConfiguration) -> Void = { _ in }) throws {
        configuration.tailRowCountMax = 12
        configuration.shortRowCount = 6
        change(&configuration)
        (writer, shared, _) = try InferenceLog.openWriter(configuration, on: disk)
    }

    private static func source(_ partition: String) -> AppendSource {
        AppendSource(topic: "t", partition: partition)
    }

    private var snapshot: LogSnapshot { shared.snapshot() }

    var cut: CommitNumber { snapshot.cut }

    /// Of the blocks, as they lie in the log.
    var rowCounts: [Int] {
        (snapshot.index.topics["t"]?.segments.flatMap(\.blocks) ?? []).map(\.rowCount)
    }

    mutating func restart(inOrder: Bool) throws {
        if inOrder { try writer.sealActive() }
        writer.end()
        (writer, shared, _) = try InferenceLog.openWriter(configuration, on: disk)
    }

    /// - Returns: how many rewrites were due.
    func compact() throws -> Int {
        try writer.compact().report.rewriteCount
    }

    // MARK: What is posted

    private func item(_ lines: [String], isFinal: Bool, _ partition: String) throws -> AppendItem {
        let batch = try RecordParser.parse(Array(lines.joined(separator: "\n").utf8), as: .lines).batch
        return isFinal
            ? .columns(encoder.encode(batch, topic: "t", partition: partition))
            : .small(batch, Self.source(partition))
    }

    func commitColumns(_ line: String) throws {
        _ = try writer.commit([try item([line], isFinal: true, "p")])
    }

    func commitSmall(_ line: String, partition: String = "p") throws {
        let posted = try #require(
            PostedRecords(
                Array(line.utf8), as: .lines, float32Fields: [], time: 0, to: Self.source(partition)))
        _ = try writer.commit([.posted(posted)])
    }

    /// A random commit of one to three requests.
    func commit(of number: Int, _ generator: inout SeededGenerator) throws {
        var requests: [AppendRequest] = []
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let partition = "p\(Int.random(in: 0..<3, using: &generator))"
            let lines = (0..<Int.random(in: 1...3, using: &generator)).map { row in
                // Now and then late.
                let time = number * 100 + row - (generator.next() % 6 == 0 ? 250 : 0)
                return Self.line(time, &generator)
            }
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: requests.append(AppendRequest([try item(lines, isFinal: true, partition)]))
            case 1: requests.append(AppendRequest([try item(lines, isFinal: false, partition)]))
            default:
                // Few enough to wait as text.
                let posted = PostedRecords(
                    Array(lines.prefix(2).joined(separator: "\n").utf8), as: .lines, float32Fields: [],
                    time: 0,
                    to: Self.source(partition))
                requests.append(AppendRequest([.posted(try #require(posted))]))
            }
        }
        _ = try writer.commit(requests)
    }

    /// A record of some of the fields, in any order, flat or nested.
    private static func line(_ time: Int, _ generator: inout SeededGenerator) -> String {
        func number() -> String {
            ["7", "8", "0", "-3", "2.5", "4.0", "1.50"][Int.random(in: 0..<7, using: &generator)]
        }
        var members: [(name: String, value: String)] = []
        for (name, share) in [
            ("in.a", 4), ("in.b", 3), ("out.y", 4), ("out.z", 2), ("plain", 2), ("in.c", 2),
        ]
        where Int.random(in: 0..<5, using: &generator) < share {
            let value =
                switch name {
                case "in.b": "\"text\""
                case "in.c": "[\(number()),\(number())]"
                case "out.z": "{\"k\":\(number())}"
                default: Int.random(in: 0..<6, using: &generator) == 0 ? "null" : number()
                }
            members.append((name, value))
        }
        let model = Int.random(in: 0..<2, using: &generator)
        members.append(("metadata.last_model", "\"{\\\"model_name\\\":\\\"m\(model)\\\"}\""))
        members.shuffle(using: &generator)
        if Int.random(in: 0..<12, using: &generator) == 0 {
            // A field of a group's own name: such a record is flat.
            members.append(("out", "1"))
        } else if Bool.random(using: &generator) {
            var nested: [(name: String, value: String)] = []
            for (name, value) in members {
                guard let dot = name.firstIndex(of: ".") else {
                    nested.append((name, value))
                    continue
                }
                let (group, rest) = (String(name[..<dot]), "\"\(name[name.index(after: dot)...])\":\(value)")
                if let place = nested.firstIndex(where: { $0.name == group }) {
                    nested[place].value.insert(contentsOf: "," + rest, at: nested[place].value.indices.last!)
                } else {
                    nested.append((group, "{\(rest)}"))
                }
            }
            members = nested
        }
        members.insert(
            ("time", "\(time)"), at: Int.random(in: 0...members.count, using: &generator))
        return "{" + members.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ",") + "}"
    }

    // MARK: What is answered

    func lines() throws -> [String] {
        let reading = RecordReading(at: cut, topic: "t", order: .address(newestFirst: false))
        return try String(decoding: text(of: reading, .flat), as: UTF8.self).split(separator: "\n").map(
            String.init)
    }

    /// All that is answered of whole records as of a cut, each by its question.
    func answers(at cut: CommitNumber) throws -> [String: [UInt8]] {
        var answers: [String: [UInt8]] = [:]
        let window = TimeWindow(start: Timestamp(milliseconds: 301), end: Timestamp(milliseconds: 1501))
        let questions = [
            (TimeWindow.always, RecordFilter()), (.always, RecordFilter(partitions: ["p1"], modelName: "m1")),
            (window, RecordFilter()),
        ]
        let orders = [false, true].flatMap {
            [RecordReading.Order.time(newestFirst: $0), .address(newestFirst: $0)]
        }
        for (number, (window, filter)) in questions.enumerated() {
            for (order, limit) in orders.flatMap({ [($0, Int.max), ($0, 3)] }) {
                let reading = RecordReading(
                    at: cut, topic: "t", window: window, filter: filter, order: order, limit: limit)
                for form in [RecordForm.flat, .nested] {
                    let question = "\(number) \(order) \(limit) \(form)"
                    answers[question + " text"] = try text(of: reading, form)
                    answers[question + " arrow"] = try arrow(of: reading, form)
                }
            }
        }
        return answers
    }

    private func text(of reading: RecordReading, _ form: RecordForm) throws -> [UInt8] {
        var reading = reading
        var writer = RecordWriter(as: .lines, form: form)
        while let rows = try reading.next(in: snapshot) {
            let prepared = rows.batches.map { writer.prepare($0) }
            for (batch, row) in rows.rows { writer.write(row: row, of: prepared[batch]) }
        }
        return writer.finish()
    }

    private func arrow(of reading: RecordReading, _ form: RecordForm) throws -> [UInt8] {
        var reading = reading
        var (batches, rows): ([RecordBatch], [(batch: Int, row: Int)]) = ([], [])
        while let page = try reading.next(in: snapshot) {
            rows += page.rows.map { (batches.count + $0.batch, $0.row) }
            batches += page.batches
        }
        return try ArrowWriter(form: form).bytes(of: batches, rows: rows)
    }
}
