// Invariants checked: the first four at the head of ColumnScan.swift (the fifth is in RecordReadingTests), the two
// of RowOrder.swift, the one of QueryPlan.swift and the one of LeafNumbers.swift.

import Disk
import EventLog
import Records
import Segments
import Simulation
import TestSupport
import Testing

@testable import Queries

@Suite struct ColumnScanTests {
    private func path(_ text: String) throws -> IOPath { try IOPath(parsing: text) }

    private func record(_ time: Int64, _ fields: [String: ModelValue]) -> ModelRecord {
        ModelRecord(time: time, fields: fields)
    }

    @Test("random queries over random histories answer as an array does", arguments: 0..<10 as Range<UInt64>)
    func model(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var model = try QueryModel()
        var snapshots: [LogSnapshot] = []
        for number in 0..<70 {
            try model.appendRandom(&generator, at: number)
            snapshots.append(model.snapshot)
        }
        // Snapshots from before go on reading what was there; these read groups.
        #expect(try model.regroup() > 0)
        snapshots += Array(repeating: model.snapshot, count: 40)
        let paths = try [
            "input tensor 0", "input tensor 2", "input tensor 3", "input tensor 9", "input tensor",
            "output score",
            "output score 0", "output score 1", "output class", "output nothing 0", "input extra",
        ].map { try path($0) }
        for number in 0..<120 {
            let snapshot = snapshots[Int.random(in: 0..<snapshots.count, using: &generator)]
            let start = 1_700_000_000_000_000 + Int64.random(in: -1_000_000...3_500_000, using: &generator)
            var filter = RecordFilter()
            if generator.next() % 3 == 0 {
                filter.partitions = [["engine", "edge-1", "none"][number % 3], "edge-2"]
            }
            if generator.next() % 4 == 0 { filter.modelName = "model-\(number % 3)" }
            if generator.next() % 4 == 0 { filter.pipelineVersion = "v\(number % 3)" }
            let query = WindowQuery(
                topic: number % 5 == 0 ? "churn" : "fraud",
                window: TimeWindow(
                    start: Timestamp(microseconds: start),
                    end: Timestamp(microseconds: start + Int64.random(in: 0...2_000_000, using: &generator))),
                path: paths[Int.random(in: 0..<paths.count, using: &generator)], filter: filter,
                cut: generator.next() % 2 == 0 ? nil : UInt64.random(in: 0...80, using: &generator))
            let answer = try ColumnScan(snapshot).values(query)
            #expect(
                answer.rows == model.values(query, cut: snapshot.cut),
                "seed \(seed), query \(number): \(query)")
            #expect(answer.statistics.unseen == [] && answer.statistics.rowsKept == answer.times.count)
            let isNothingRead = answer.statistics.blocksRead + answer.statistics.tailRunsRead == 0
            #expect(
                try ColumnScan(snapshot).mayHaveNumbers(query) == (isNothingRead || answer.pathWasFound),
                "seed \(seed), query \(number): \(query)")
            let bare = try ColumnScan(snapshot).values(query, wantsTimes: false)
            #expect(bare.times == [] && bare.pathWasFound == answer.pathWasFound)
            #expect(
                bare.values.map { NumberAtTime(0, $0) }.sorted()
                    == answer.values.map { NumberAtTime(0, $0) }.sorted(),
                "seed \(seed), query \(number): \(query)")
        }
    }

    // Records of one time came in the order in which blocks lay in the log, which a roll or a rewrite changes.
    @Test(
        "rolling, regrouping, joining and restarts change no byte of an answer, also where times are equal",
        arguments: 0..<16 as Range<UInt64>)
    func oneOrder(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var model = try QueryModel { $0.segmentByteCountMax = 900 }
        // In the first, times ascend, so that there is nothing to sort but equal ones.
        let ascends = seed % 2 == 0
        let query = WindowQuery(topic: "fraud", window: .always, path: try path("output y"))
        func check(_ moment: String) throws {
            let wanted = model.values(query, cut: .max)
            for atOnce in [1, 2] {
                #expect(
                    try ColumnScan(model.snapshot).values(query, atOnce: atOnce).rows == wanted,
                    "seed \(seed), \(moment)")
            }
        }
        for number in 0..<60 {
            let isSmall = generator.next() % 2 == 0
            let count = isSmall ? Int.random(in: 1...3, using: &generator) : 6
            try model.append(
                (0..<count).map {
                    let time = ascends ? Int64(number / 20) : Int64.random(in: 0...3, using: &generator)
                    return record(time, ["out.y": .int64(Int64(number * 10 + $0))])
                }, partition: ["b", "a", "ä", "c"][Int.random(in: 0..<4, using: &generator)], isSmall: isSmall
            )
            if number % 10 == 9 { try check("after \(number + 1) commits") }
        }
        try model.restart()
        try check("after a restart")
        #expect(try model.regroup() > 0)
        try check("after regrouping")
        try model.restart()
        try check("after another restart")
    }

    @Test("a window holds its start and not its end, to the microsecond", arguments: [true, false])
    func edges(isSmall: Bool) throws {
        var model = try QueryModel()
        let time: Int64 = 1_700_000_000_123
        try model.append([record(time, ["out.y": .float64(1)])], isSmall: isSmall)
        let moment = time * 1000
        let cases: [(Int64, Int64, Bool)] = [
            (moment, moment + 1, true), (moment, moment, false), (moment - 1, moment, false),
            (moment + 1, moment + 5000, false), (moment - 999, moment + 1, true),
            (moment - 5000, moment - 1, false),
            (moment + 1, moment + 1, false), (.min, .max, true), (.min, moment, false), (moment, .max, true),
        ]
        for (start, end, isInside) in cases {
            let window = TimeWindow(start: Timestamp(microseconds: start), end: Timestamp(microseconds: end))
            let answer = try ColumnScan(model.snapshot).values(
                WindowQuery(topic: "fraud", window: window, path: try path("output y")))
            #expect(answer.values == (isInside ? [1] : []), "[\(start - moment), \(end - moment))")
        }
    }

    @Test("every shape of a field answers with its numbers", arguments: [true, false])
    func shapes(isSmall: Bool) throws {
        let nan = Double.nan
        let cases: [(String, [ModelValue?], [Double], Bool)] = [
            ("input f", [.float64(1.5), .null, nil, .float64(-0.0)], [1.5, nan, nan, -0.0], true),
            ("input f 0", [.float64(1.5), .null, nil, .float64(2)], [1.5, nan, nan, 2], true),
            ("input f 1", [.float64(1.5), .float64(2)], [nan, nan], false),
            ("input f", [.float32(0.1)], [Double(Float(0.1))], true),
            ("input f", [.int64(.max), .int64(-3)], [9_223_372_036_854_775_808, -3], true),
            ("input f", [.bool(true)], [nan], false),
            ("input f", [.text("7")], [nan], false),
            ("input f", [.null, nil], [nan, nan], false),
            ("input f", [.kept(1.5, "1.50"), .float64(2)], [1.5, 2], true),
            (
                "input f 1", [.list([.float64(1), .float64(2)]), .list([.float64(3), .null])], [2, nan], true
            ),
            ("input f 2", [.list([.float64(1), .float64(2)])], [nan], false),
            ("input f", [.list([.float64(1), .float64(2)])], [nan], false),
            (
                "input f 1", [.list([.int64(1)]), .list([.int64(1), .int64(2)]), .list([])], [nan, 2, nan],
                true
            ),
            ("input f 0", [.list([.float32(1)]), nil, .list([.null, .float32(2)])], [1, nan, nan], true),
            ("input f 1", [.json(#"[1,2.5,"x"]"#), .json("[1,[2]]"), .json("{}")], [2.5, nan, nan], true),
            ("input f", [.json("3e2"), .json(#""3""#), nil], [300, nan, nan], true),
            ("input f 0", [.json("4"), .json("[]")], [4, nan], true),
            ("input f 5", [.json("4"), .json("[1]")], [nan, nan], false),
            ("input g", [.float64(1)], [nan], false),
        ]
        for (text, values, expected, isFound) in cases {
            var model = try QueryModel()
            try model.append(
                values.enumerated().map { number, value in
                    record(Int64(number), value.map { ["in.f": $0] } ?? [:])
                },
                isSmall: isSmall)
            let answer = try ColumnScan(model.snapshot).values(
                WindowQuery(topic: "fraud", window: .always, path: try path(text)))
            #expect(
                answer.values.map { NumberAtTime(0, $0) } == expected.map { NumberAtTime(0, $0) },
                "\(text) of \(values)")
            #expect(answer.pathWasFound == isFound, "\(text) of \(values)")
        }
    }

    @Test("a question about one column of a wide block reads a small part of it")
    func readsOwnColumns() throws {
        var model = try QueryModel()
        var generator = SeededGenerator(seed: 1)
        let wide = (0..<300).map { row in
            record(
                Int64(row),
                [
                    "in.wide": .list(
                        (0..<64).map { _ in .float64(Double.random(in: 0...1, using: &generator)) }),
                    "out.y": .float64(Double(row)),
                ])
        }
        try model.append(wide)
        let entry = try #require(model.snapshot.index.topics["fraud"]?.segments.first?.blocks.first)
        let answer = try ColumnScan(model.snapshot).values(
            WindowQuery(topic: "fraud", window: .always, path: try path("output y")))
        #expect(answer.values.count == 300)
        // The first read takes some bytes behind the head on suspicion.
        #expect(answer.statistics.bytesRead < entry.headByteCount + 4096 + 1000)
        #expect(entry.byteCount > 100_000)
    }

    @Test("a damaged block is named and left out; the rest answers")
    func damagedBlock() throws {
        var model = try QueryModel { $0.segmentByteCountMax = 1 << 20 }
        for number in 0..<3 {
            try model.append(
                (0..<20).map {
                    record(
                        Int64(number * 100 + $0),
                        ["out.y": .float64(Double(number)), "out.z": .int64(Int64($0))])
                })
        }
        try model.append([record(900, ["out.y": .float64(9)])], isSmall: true)
        let entry = try #require(model.snapshot.index.topics["fraud"]?.segments.first?.blocks[1])
        let query = WindowQuery(topic: "fraud", window: .always, path: try path("output y"))
        for place in [0, entry.headByteCount - 1, entry.headByteCount + 1] {
            model.disk.damage("segment-0000000000000001") { $0[entry.offset + place] ^= 1 }
            let answer = try ColumnScan(model.snapshot).values(query)
            #expect(
                answer.values == [Double](repeating: 0, count: 20) + [Double](repeating: 2, count: 20) + [9])
            #expect(answer.statistics.unseen.count == 1 && answer.statistics.blocksRead == 2)
            #expect(answer.statistics.unseen[0].problem.hasPrefix("segment-0000000000000001 at byte"))
            #expect(
                answer.statistics.unseen[0].indexes == 20..<40
                    && answer.statistics.unseen[0].times == 100...119)
            let records = try RecordScan(model.snapshot).window(topic: "fraud", .always, limit: 100)
            #expect(records.rows.count == 41 && records.statistics.unseen.count == 1)
            let page = try RecordScan(model.snapshot).page(topic: "fraud", positions: [:], limit: 100)
            #expect(page.rows.rows.count == 41 && page.rows.statistics.unseen.count == 1)
            #expect(page.next == ["engine": 61] && !page.isFull)
            model.disk.damage("segment-0000000000000001") { $0[entry.offset + place] ^= 1 }
        }
        #expect(try ColumnScan(model.snapshot).values(query).values.count == 61)
    }

    @Test("damage in a column that is not asked for harms no answer")
    func damageElsewhere() throws {
        var model = try QueryModel()
        try model.append(
            (0..<20).map {
                record(Int64($0), ["a.first": .float64(Double($0)), "out.y": .float64(Double($0))])
            })
        let entry = try #require(model.snapshot.index.topics["fraud"]?.segments.first?.blocks.first)
        let file = try SegmentFile(opening: 1, in: "", on: model.disk)
        let head = try file.head(entry)
        guard case .scalar(let leaf) = head.fields[0].layout else {
            Issue.record("another layout: \(head.fields[0].layout)")
            return
        }
        model.disk.damage(file.name) { $0[entry.offset + leaf.place.offset] ^= 1 }
        let answer = try ColumnScan(model.snapshot).values(
            WindowQuery(topic: "fraud", window: .always, path: try path("output y")))
        #expect(answer.values.count == 20 && answer.statistics.unseen == [])
    }

    @Test("an unknown topic, an empty window and a cut before everything answer with nothing")
    func nothing() throws {
        var model = try QueryModel()
        try model.append([record(5, ["out.y": .float64(1)])], isSmall: true)
        let scan = ColumnScan(model.snapshot)
        let y = try path("output y")
        #expect(try scan.values(WindowQuery(topic: "other", window: .always, path: y)).times == [])
        #expect(try scan.values(WindowQuery(topic: "fraud", window: TimeWindow(5, 5), path: y)).times == [])
        #expect(try scan.values(WindowQuery(topic: "fraud", window: .always, path: y, cut: 0)).times == [])
        #expect(try scan.values(WindowQuery(topic: "fraud", window: .always, path: y, cut: 1)).times == [5])
    }

    @Test("a model's name that is no JSON, or not there, is no match")
    func modelFilter() throws {
        var model = try QueryModel()
        let texts: [ModelValue?] = [
            .text(#"{"model_name":"a","model_sha":"1"}"#), .text("a"), .text(#"{"model_name":3}"#), nil,
            .null,
            .text(#"{"model_sha":"1","model_name":"a"}"#),
        ]
        for isSmall in [true, false] {
            try model.append(
                texts.enumerated().map { number, text in
                    record(
                        Int64(number), text.map { ["metadata.last_model": $0, "out.y": .int64(1)] } ?? [:])
                }, isSmall: isSmall)
        }
        let answer = try ColumnScan(model.snapshot).values(
            WindowQuery(
                topic: "fraud", window: .always, path: try path("output y"),
                filter: RecordFilter(modelName: "a")))
        #expect(answer.times == [0, 0, 5, 5])
    }
}
