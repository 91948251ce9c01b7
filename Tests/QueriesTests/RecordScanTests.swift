// Invariants checked: the first at the head of RecordScan.swift; the second is in RecordReadingBytesTests, the others
// are in RecordReadingTests.

import EventLog
import JSON
import Records
import Simulation
import TestSupport
import Testing

@testable import Queries

@Suite struct RecordScanTests {
    private func filter(_ generator: inout SeededGenerator) -> RecordFilter {
        var filter = RecordFilter()
        if generator.next() % 3 == 0 { filter.partitions = ["engine", "edge-2", "none"] }
        if generator.next() % 4 == 0 { filter.modelName = "model-1" }
        if generator.next() % 4 == 0 { filter.pipelineVersion = "v0" }
        return filter
    }

    @Test(
        "the first or last records of a window are those of an array, in order",
        arguments: 0..<6 as Range<UInt64>)
    func window(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var model = try QueryModel()
        for number in 0..<60 { try model.appendRandom(&generator, at: number) }
        for number in 0..<40 {
            let start = 1_700_000_000_000 + Int64.random(in: -1000...3000, using: &generator)
            let window =
                number % 7 == 0
                ? TimeWindow.always : TimeWindow(start, start + Int64.random(in: 0...2000, using: &generator))
            let filter = filter(&generator)
            let limit = [0, 1, 5, 40, 10_000][number % 5]
            for newestFirst in [false, true] {
                var expected = model.rows(topic: "fraud", window, filter, cut: .max).sorted {
                    ($0.record.time, $0.partition, $0.index) < ($1.record.time, $1.partition, $1.index)
                }
                if newestFirst { expected.reverse() }
                let found = try RecordScan(model.snapshot).window(
                    topic: "fraud", window, filter: filter, limit: limit, newestFirst: newestFirst)
                #expect(
                    found.texts == expected.prefix(limit).map(\.record.text), "seed \(seed), query \(number)")
            }
        }
    }

    @Test("records of one time come in the order of partition and index, wherever they lie")
    func ties() throws {
        var model = try QueryModel()
        for (partition, isSmall) in [("c", false), ("b", true), ("a", false), ("b", false), ("a", true)] {
            try model.append(
                (0..<2).map { _ in ModelRecord(time: 7, fields: ["in.p": .int64(Int64(model.rows.count))]) },
                partition: partition, isSmall: isSmall)
        }
        for newestFirst in [false, true] {
            var expected = model.rows.sorted { ($0.partition, $0.index) < ($1.partition, $1.index) }
            if newestFirst { expected.reverse() }
            for limit in 1...10 {
                let found = try RecordScan(model.snapshot).window(
                    topic: "fraud", .always, limit: limit, newestFirst: newestFirst)
                #expect(found.texts == expected.prefix(limit).map(\.record.text), "the first \(limit)")
            }
        }
    }

    @Test("few records of a long window read few blocks")
    func stopsEarly() throws {
        var model = try QueryModel()
        for number in 0..<30 {
            try model.append(
                (0..<15).map { ModelRecord(time: Int64(number * 100 + $0), fields: ["out.y": .int64(1)]) })
        }
        for newestFirst in [false, true] {
            let found = try RecordScan(model.snapshot).window(
                topic: "fraud", .always, limit: 20, newestFirst: newestFirst)
            #expect(found.rows.count == 20 && found.statistics.blocksRead <= 3)
        }
    }

    /// Reads pages until one is not full, with `between` run after each.
    private func pages(
        _ model: inout QueryModel, _ filter: RecordFilter, in window: TimeWindow = .always, limit: Int,
        newestFirst: Bool,
        between: (inout QueryModel) throws -> Void = { _ in }
    ) throws -> [String] {
        var positions: [String: UInt64] = [:]
        var texts: [String] = []
        for _ in 0..<2000 {
            let page = try RecordScan(model.snapshot).page(
                topic: "fraud", positions: positions, window: window, filter: filter, limit: limit,
                newestFirst: newestFirst)
            #expect(page.rows.rows.count <= limit)
            texts += page.rows.texts
            positions = page.next
            if !page.isFull { return texts }
            try between(&model)
        }
        Issue.record("the pages do not end")
        return texts
    }

    @Test("pages hold every record once, in the order of addresses", arguments: 0..<6 as Range<UInt64>)
    func pages(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var model = try QueryModel()
        for number in 0..<50 { try model.appendRandom(&generator, at: number) }
        for limit in [1, 7, 64, 5000] {
            for newestFirst in [false, true] {
                let filter = filter(&generator)
                let start = 1_700_000_000_000 + Int64.random(in: -1000...2500, using: &generator)
                let window = limit == 7 ? TimeWindow.always : TimeWindow(start, start + 700)
                var expected = model.rows(topic: "fraud", window, filter, cut: .max).sorted {
                    ($0.partition, $0.index) < ($1.partition, $1.index)
                }
                if newestFirst { expected.reverse() }
                let found = try pages(&model, filter, in: window, limit: limit, newestFirst: newestFirst)
                #expect(
                    found == expected.map(\.record.text),
                    "seed \(seed), limit \(limit), newest first \(newestFirst)")
            }
        }
    }

    @Test("pages stay true while records are appended, rolled and sealed", arguments: 0..<6 as Range<UInt64>)
    func pagesUnderAppend(seed: UInt64) throws {
        for newestFirst in [false, true] {
            var generator = SeededGenerator(seed: seed)
            var model = try QueryModel()
            for number in 0..<25 { try model.appendRandom(&generator, at: number) }
            let before = model.rows(topic: "fraud", .always, RecordFilter(), cut: .max)
            var number = 25
            let found = try pages(&model, RecordFilter(), limit: 9, newestFirst: newestFirst) { model in
                if number < 60 { try model.appendRandom(&generator, at: number) }
                number += 1
            }
            let after = model.rows(topic: "fraud", .always, RecordFilter(), cut: .max)
            #expect(found.count == (newestFirst ? before : after).count)
            for partition in ["engine", "edge-1", "edge-2"] {
                let own = (newestFirst ? before : after).filter { $0.partition == partition }
                let texts = Set(own.map(\.record.text))
                let page = found.filter { texts.contains($0) }
                let expected = (newestFirst ? own.reversed() : own).map(\.record.text)
                #expect(page == expected, "seed \(seed), newest first \(newestFirst), \(partition)")
            }
        }
    }

    @Test("a page within a window skips what is outside and says where to go on")
    func pageWindow() throws {
        var model = try QueryModel()
        for number in 0..<10 {
            try model.append(
                (0..<5).map { ModelRecord(time: Int64(number * 100 + $0), fields: ["out.y": .int64(1)]) })
        }
        let page = try RecordScan(model.snapshot).page(
            topic: "fraud", positions: [:], window: TimeWindow(300, 402), limit: 100)
        #expect(page.rows.rows.count == 7 && page.next == ["engine": 50] && !page.isFull)
        #expect(page.rows.statistics.blocksRead == 2)
        #expect(
            try RecordScan(model.snapshot).page(topic: "none", positions: ["p": 3], limit: 1).next == ["p": 3]
        )
        // A position past the end, of a token from elsewhere, is brought back.
        #expect(
            try RecordScan(model.snapshot).page(topic: "fraud", positions: ["engine": 999], limit: 1).next
                == [
                    "engine": 50
                ])
    }

    @Test("records by their indexes are those, and no others where they are not there")
    func byIndexes() throws {
        var generator = SeededGenerator(seed: 7)
        var model = try QueryModel()
        for number in 0..<40 { try model.appendRandom(&generator, at: number) }
        let own = model.rows.filter { $0.topic == "fraud" && $0.partition == "engine" }.sorted {
            $0.index < $1.index
        }
        func found(_ indexes: Range<UInt64>, _ partition: String = "engine") throws -> [String] {
            try RecordScan(model.snapshot).records(topic: "fraud", partition: partition, indexes).texts
        }
        let end = UInt64(own.count)
        for _ in 0..<40 {
            let first = UInt64.random(in: 0..<end, using: &generator)
            let indexes = first..<UInt64.random(in: first...end + 3, using: &generator)
            #expect(
                try found(indexes) == own.filter { indexes.contains($0.index) }.map(\.record.text),
                "\(indexes)")
        }
        #expect(try found(end..<end + 9) == [] && found(0..<end, "none") == [])
    }

    @Test("a row is kept by its own model and version, whatever the rows beside it hold there")
    func mixedKinds() throws {
        let name = #"{"model_name":"m","model_sha":"0"}"#
        let text = JSONValue.string(name).text
        for values in [
            [text, "7"], ["7", text, "null"], [text, name], [name, "[1]", text], [text, text],
        ] {
            let batch = RecordBatch(
                times: values.map { _ in 1 },
                fields: [FieldColumn(name: "metadata.last_model", values: .json(TextColumn(values)))])
            let mask = RowMask(RecordFilter(modelName: "m"), batch)
            for (row, value) in values.enumerated() {
                #expect(mask.keeps(row) == (value == text || value == name), "\(values) row \(row)")
            }
        }
        let versions = RecordBatch(
            times: [1, 2],
            fields: [
                FieldColumn(
                    name: "metadata.pipeline_version", values: .json(TextColumn([#""v1""#, "7"])))
            ])
        let mask = RowMask(RecordFilter(pipelineVersion: "v1"), versions)
        #expect(mask.keeps(0) && !mask.keeps(1))
    }

    @Test("a page holds the rows that it answers, however many it looked at")
    func pageHoldsItsRows() throws {
        var model = try QueryModel()
        for number in 0..<6 {
            try model.append(
                (0..<300).map { row in
                    ModelRecord(time: Int64(number * 300 + row), fields: ["in.p": .int64(Int64(row))])
                }, partition: "engine", isSmall: false)
        }
        func page(_ window: TimeWindow, _ filter: RecordFilter = RecordFilter()) throws -> RecordRows {
            try RecordScan(model.snapshot).page(
                topic: "fraud", positions: [:], window: window, filter: filter, limit: 1000
            ).rows
        }
        var filter = RecordFilter()
        filter.modelName = "nobody"
        #expect(try page(.always, filter).batches.isEmpty)
        for newestFirst in [false, true] {
            let found = try RecordScan(model.snapshot).page(
                topic: "fraud", positions: [:], window: TimeWindow(640, 645), limit: 1000,
                newestFirst: newestFirst
            ).rows
            #expect(found.batches.map(\.rowCount) == [5])
            let times = found.rows.map { found.batches[$0.batch].times[$0.row] }
            #expect(times == (newestFirst ? [644, 643, 642, 641, 640] : [640, 641, 642, 643, 644]))
        }
    }
}
