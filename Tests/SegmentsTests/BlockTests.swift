// Invariants checked: those at the heads of BlockEncoder.swift, BlockHead.swift, BlockExcerpt.swift,
// BlockReader.swift and SmallBlock.swift.

import Bytes
import Records
import Simulation
import TestSupport
import Testing

@testable import Segments

@Suite struct BlockTests {
    private let encoder = BlockEncoder()
    private let reader = BlockReader()
    private let place = SegmentPlace(file: "block", byteOffset: 0)

    private func payload(
        _ batch: RecordBatch, kind: BlockKind, firstIndex: UInt64 = 3, commitRuns: [CommitRun] = []
    ) -> [UInt8] {
        let block = encoder.encode(batch, topic: "tøpic", partition: "p", kind: kind)
        return bytes { _ = block.write(firstIndex: firstIndex, commitRuns: commitRuns, into: &$0) }
    }

    private func head(_ payload: [UInt8]) throws -> BlockHead {
        try payload.withUnsafeBytes { try BlockHead.read($0, at: place) }
    }

    /// Writes the checksum that a changed head should have.
    private func sign(_ payload: inout [UInt8], headByteCount: Int) {
        let checksum = Checksum.crc32c(Array(payload[8..<headByteCount]))
        for index in 0..<4 { payload[4 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(index * 8)) }
    }

    private func batch(_ payload: [UInt8]) throws -> RecordBatch {
        try reader.batch(try head(payload), at: place, from: source(payload))
    }

    private func source(_ payload: [UInt8]) -> BlockByteSource {
        { (offset, count) throws(SegmentError) in
            guard offset + count <= payload.count else {
                throw .malformed(SegmentPlace(file: "block", byteOffset: offset), reason: "past the end")
            }
            return Array(payload[offset..<offset + count])
        }
    }

    @Test(
        "a head is no longer than it is said to be at most, which at all bounds is less than a reader takes")
    func headLengths() throws {
        for seed in 0..<40 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var batch = generator.batch(rowCount: Int.random(in: 1...40, using: &generator))
            for position in batch.fields.indices {
                let name = "\(position)"
                let length = RecordLimits.nameByteCountMax - name.utf8.count
                batch.fields[position].name = name + String(repeating: "n", count: length)
            }
            let runs = (0..<UInt64(batch.rowCount)).map { CommitRun(commit: $0 << 50, rowCount: 1) }
            let head = try head(
                payload(batch, kind: .columns, firstIndex: UInt64(SegmentFormat.indexLimit), commitRuns: runs)
            )
            let most = SegmentFormat.headByteCount(
                fieldCount: batch.fields.count, columnCount: batch.columnCount, runCount: runs.count)
            #expect(head.byteCount <= most, "seed \(seed)")
        }
        let most = SegmentFormat.headByteCount(
            fieldCount: RecordLimits.fieldCountMax, columnCount: RecordLimits.columnCountMax,
            runCount: SegmentFormat.blockRowCountMax)
        #expect(most < SegmentFormat.headByteCountMax)
    }

    @Test("a row of more columns than are taken now, which an older log may hold, is encoded and read")
    func manyColumns() throws {
        let leaves = [Leaf](repeating: Leaf(.int64([0])), count: RecordLimits.shreddedElementCountMax)
        let count = RecordLimits.columnCountMax / leaves.count + 1
        let batch = RecordBatch(
            times: [0],
            fields: (0..<count).map { FieldColumn(name: "f\($0)", values: .fixedList(leaves)) })
        #expect(batch.columnCount > RecordLimits.columnCountMax)
        let found = try head(
            payload(
                batch, kind: .columns, firstIndex: 0, commitRuns: [CommitRun(commit: 1, rowCount: 1)]))
        #expect(found.fields.count == count && found.byteCount < SegmentFormat.headByteCountMax)
    }

    @Test("batches of every shape come back from column blocks, whole and leaf by leaf")
    func columnBlocks() throws {
        for seed in 0..<220 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let rowCount =
                seed < 120
                ? Int(seed % 12) + 1 : Int.random(in: 1...(seed < 210 ? 300 : 3000), using: &generator)
            let batch = generator.batch(rowCount: rowCount)
            let runs = [CommitRun(commit: 9, rowCount: rowCount)]
            let payload = payload(
                batch, kind: .columns, firstIndex: seed << 40, commitRuns: seed % 2 == 0 ? runs : [])
            let head = try head(payload)
            #expect(head.topic == "tøpic" && head.partition == "p" && head.firstIndex == seed << 40)
            #expect(head.rowCount == rowCount && head.commitRuns == (seed % 2 == 0 ? runs : []))
            #expect(head.timeMin == batch.times.min() && head.timeMax == batch.times.max())
            #expect(head.timesAscend == (batch.times == batch.times.sorted()))
            #expect(head.blockByteCount == payload.count)
            #expect(try self.batch(payload) == batch, "seed \(seed)")
            try checkNumbers(batch, head, payload, "seed \(seed)")
        }
    }

    /// Each leaf read by itself answers as the batch does, from its own bytes and its presence's.
    private func checkNumbers(_ batch: RecordBatch, _ head: BlockHead, _ payload: [UInt8], _ comment: String)
        throws
    {
        for (entry, field) in zip(head.fields, batch.fields) {
            let pairs: [(LeafPlace, Leaf)]
            switch (entry.layout, field.values) {
            case (.scalar(let place), .scalar(let leaf)): pairs = [(place, leaf)]
            case (.fixedList(let places), .fixedList(let leaves)): pairs = Array(zip(places, leaves))
            default: continue
            }
            for (leafPlace, leaf) in pairs {
                var output = [Double](repeating: 0, count: head.rowCount)
                var touched: [Range<Int>] = []
                let bytes = source(payload)
                let areNumbers = try output.withUnsafeMutableBufferPointer {
                    try reader.numbers(
                        leafPlace, presence: entry.presence, head, at: place,
                        from: { (offset, count) throws(SegmentError) in
                            touched.append(offset..<offset + count)
                            return try bytes(offset, count)
                        }, into: $0)
                }
                var expected = leaf.plainNumbers
                for row in 0..<batch.rowCount where field.presence.state(row) != .value {
                    expected?[row] = .nan
                }
                #expect(areNumbers == (expected != nil), "\(comment)")
                if let expected {
                    #expect(output.map(\.bitPattern) == expected.map(\.bitPattern), "\(comment)")
                }
                let own = [leafPlace.place] + (entry.presence.map { [$0] } ?? [])
                #expect(
                    touched.allSatisfy { range in
                        own.contains { $0.offset == range.lowerBound && $0.byteCount == range.count }
                    })
            }
        }
    }

    @Test("an excerpt says of its columns what the head says, and its numbers are the batch's")
    func excerpts() throws {
        var leafCount = 0
        for seed in 0..<120 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let batch = generator.batch(rowCount: Int.random(in: 1...300, using: &generator))
            let runs = [CommitRun(commit: 9, rowCount: batch.rowCount)]
            let payload = payload(batch, kind: .columns, commitRuns: seed % 2 == 0 ? runs : [])
            let head = try head(payload)
            for name in head.fields.map(\.name) + ["field", "field.00", ""] {
                for element in [nil, 0, 1, 700] as [Int?] {
                    let excerpt = try excerpt(payload, name, element)
                    #expect(excerpt.rowCount == head.rowCount && excerpt.timesAscend == head.timesAscend)
                    #expect(excerpt.times == head.times)
                    let entry = head.fields.first { $0.name == name }
                    let numbers: BlockExcerpt.Numbers =
                        switch (entry?.layout, element) {
                        case (.scalar(let leaf), nil), (.scalar(let leaf), 0): .leaf(leaf)
                        case (.fixedList(let leaves), let element?) where element < leaves.count:
                            .leaf(leaves[element])
                        case (.list, _), (.json, _): .withinField
                        default: .none
                        }
                    #expect(excerpt.numbers == numbers, "seed \(seed) \(name) \(element ?? -1)")
                    if numbers != .none { #expect(excerpt.presence == entry?.presence) }
                    if try checkNumbers(excerpt, head, payload) { leafCount += 1 }
                }
            }
        }
        #expect(leafCount > 100, "numbers were compared")
    }

    private func excerpt(_ payload: [UInt8], _ name: String, _ element: Int?) throws -> BlockExcerpt {
        try payload.withUnsafeBytes { bytes in
            try Array(name.utf8).withUnsafeBytes { name in
                try BlockExcerpt(bytes, at: place, kind: .columns, field: name, element: element)
            }
        }
    }

    /// What is read into the caller's memory is what is read by way of the head.
    ///
    /// - Returns: whether the excerpt names a leaf, so that there were numbers to compare.
    private func checkNumbers(
        _ excerpt: BlockExcerpt, _ head: BlockHead, _ payload: [UInt8]
    ) throws -> Bool {
        let rowCount = excerpt.rowCount
        var times = [Int64](repeating: 7, count: rowCount)
        var found = [Double](repeating: 7, count: rowCount)
        var expected = found
        try payload.withUnsafeBytes { payload in
            func bytes(_ column: ColumnPlace) -> UnsafeRawBufferPointer {
                UnsafeRawBufferPointer(rebasing: payload[column.offset..<column.offset + column.byteCount])
            }
            try times.withUnsafeMutableBufferPointer {
                try reader.readTimes(excerpt.times, bytes(excerpt.times), at: place, into: $0)
            }
            guard case .leaf(let leaf) = excerpt.numbers else { return }
            try found.withUnsafeMutableBufferPointer { found in
                guard try reader.readNumbers(leaf, bytes(leaf.place), at: place, into: found),
                    let presence = excerpt.presence
                else { return }
                try reader.readPresence(presence, bytes(presence), at: place, into: found)
            }
        }
        #expect(try times == reader.times(head, at: place, from: source(payload)))
        guard case .leaf(let leaf) = excerpt.numbers else { return false }
        _ = try expected.withUnsafeMutableBufferPointer {
            try reader.numbers(
                leaf, presence: excerpt.presence, head, at: place, from: source(payload), into: $0)
        }
        #expect(found.map(\.bitPattern) == expected.map(\.bitPattern))
        return true
    }

    @Test("an excerpt of damaged bytes is refused, never a trap", arguments: 1...8 as ClosedRange<UInt64>)
    func damagedExcerpts(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let batch = generator.batch(rowCount: 20)
        let payload = payload(batch, kind: .columns)
        let headByteCount = try head(payload).byteCount
        for position in 0..<headByteCount {
            var damaged = payload
            damaged[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            #expect(throws: SegmentError.self) { _ = try excerpt(damaged, "field.0", 0) }
            #expect(throws: SegmentError.self) { _ = try excerpt(Array(payload[..<position]), "field.0", 0) }
        }
    }

    @Test("a head whose commits are not those of its rows, in order, is refused, and so is an excerpt of it")
    func commitRuns() throws {
        let batch = RecordBatch(times: [1, 2, 3], fields: [])
        func isRead(_ runs: [(UInt64, Int)]) throws -> Bool {
            let runs = runs.map { CommitRun(commit: $0.0, rowCount: $0.1) }
            let payload = payload(batch, kind: .columns, commitRuns: runs)
            let found = try? head(payload)
            #expect(found == nil || found?.commitRuns == runs)
            #expect((found != nil) == ((try? excerpt(payload, "f", nil)) != nil), "\(runs)")
            return found != nil
        }
        for runs in [[], [(5, 3)], [(5, 1), (6, 2)], [(0, 1), (5, 1), (5, 1)]] as [[(UInt64, Int)]] {
            #expect(try isRead(runs), "\(runs)")
        }
        let forged: [[(UInt64, Int)]] = [
            [(5, 2)], [(5, 4)], [(5, 0)], [(5, 3), (6, 0)], [(5, 1), (6, 1)], [(5, 2), (6, 2)],
            [(6, 1), (5, 2)], [(.max, 1), (0, 2)],
        ]
        for runs in forged { #expect(try !isRead(runs), "\(runs)") }
    }

    @Test("a head of no rows is refused")
    func noRows() throws {
        var payload = payload(RecordBatch(times: [1], fields: []), kind: .columns, firstIndex: 3)
        // Length, checksum, the two names, and the index of one byte stand before the row count.
        let place = 8 + 1 + "tøpic".utf8.count + 1 + 1 + 1
        #expect(payload[place] == 1)
        let headByteCount = try head(payload).byteCount
        payload[place] = 0
        sign(&payload, headByteCount: headByteCount)
        #expect(throws: SegmentError.self) { try head(payload) }
    }

    @Test("small blocks come back whole, compressed or not")
    func smallBlocks() throws {
        for seed in 0..<150 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let batch = generator.batch(rowCount: Int(seed % 9) + 1)
            let firstIndex = UInt64(SegmentFormat.indexLimit)
            let payload = payload(batch, kind: .small, firstIndex: firstIndex)
            try payload.withUnsafeBytes { bytes in
                let block = FoundBlock(kind: .small, offset: 0, payload: bytes)
                let (head, found) = try block.smallBatch(at: place, with: reader, ZstdDecompressor())
                #expect(found == batch, "seed \(seed)")
                #expect(
                    head.topic == "tøpic" && head.firstIndex == firstIndex && head.rowCount == batch.rowCount)
            }
        }
    }

    @Test("the same rows give the same bytes, whatever was encoded before them")
    func deterministic() {
        var generator = SeededGenerator(seed: 4)
        let batch = generator.batch(rowCount: 500)
        let first = BlockEncoder().encode(batch, topic: "t", partition: "p")
        let busy = BlockEncoder()
        for _ in 0..<5 { _ = busy.encode(generator.batch(rowCount: 900), topic: "t", partition: "p") }
        let second = busy.encode(batch, topic: "t", partition: "p")
        #expect(first.directory == second.directory && first.columns == second.columns)
    }

    // Room for as much a row as the last block had: some long texts, then a block of many rows, and it was gigabytes.
    @Test("room is made for rows like the last, but within a bound")
    func reserved() {
        var generator = SeededGenerator(seed: 6)
        let encoder = BlockEncoder()
        let texts = (0..<4).map {
            String(
                decoding: (0..<100_000).map { _ in UInt8.random(in: 33...126, using: &generator) },
                as: UTF8.self) + "\($0)"
        }
        let long = RecordBatch(
            times: Array(0..<4),
            fields: [FieldColumn(name: "in.t", values: .scalar(Leaf(.text(TextColumn(texts)))))])
        #expect(encoder.encode(long, topic: "t", partition: "p").columns.count > 200_000)
        let many = RecordBatch(times: Array(0..<2000), fields: [])
        #expect(encoder.encode(many, topic: "t", partition: "p").columns.capacity < 4 << 20)
    }

    @Test("the rows of a range give the bytes that they give in a batch of their own")
    func ranges() {
        for seed in UInt64(0)..<300 {
            var generator = SeededGenerator(seed: seed)
            let batch = generator.batch(rowCount: Int.random(in: 1...60, using: &generator))
            let start = Int.random(in: 0..<batch.rowCount, using: &generator)
            let rows = start..<Int.random(in: start + 1...batch.rowCount, using: &generator)
            for kind in [BlockKind.columns, .small] {
                let part = encoder.encode(batch, rows: rows, topic: "t", partition: "p", kind: kind)
                let alone = encoder.encode(batch.slice(rows), topic: "t", partition: "p", kind: kind)
                #expect(
                    bytes { _ = part.write(firstIndex: 1, commitRuns: [], into: &$0) }
                        == bytes { _ = alone.write(firstIndex: 1, commitRuns: [], into: &$0) },
                    "seed \(seed), rows \(rows)")
            }
        }
    }

    @Test("a list whose lengths do not add up to its elements is refused")
    func lengths() throws {
        let leaf = Leaf(.int64([1, 2, 3]))
        let batch = RecordBatch(
            times: [1, 2], fields: [FieldColumn(name: "f", values: .list(lengths: [1, 1], leaf))])
        #expect(throws: SegmentError.self) { try self.batch(payload(batch, kind: .columns)) }
    }

    @Test("no more elements of lists are believed than a writer makes, whatever few bytes stand for them")
    func elementCounts() throws {
        func isRead(_ count: Int) -> Bool {
            // One row of many equal elements: no values, as it is the head that is asked.
            let directory = bytes {
                $0.writeVarint(3)  // Times: place.
                $0.write(UInt32(0))
                $0.writeVarint(1)
                $0.write(text: "f")
                $0.write(LayoutCode.list.rawValue)
                $0.writeVarint(count)
                $0.writeVarint(3)  // Lengths: place.
                $0.write(UInt32(0))
                $0.write(ElementType.int64.rawValue)
                $0.writeVarint(3)
                $0.write(UInt32(0))
            }
            let prefix = BlockHead.Prefix(
                topic: "t", partition: "p", firstIndex: 0, rowCount: 1, timeMin: 0, timeMax: 0,
                timesAscend: true, commitRuns: [])
            let payload = bytes { _ = BlockHead.write(prefix, directory: directory, columns: [], into: &$0) }
            let found = try? head(payload)
            // Where the field is not wanted, its number is looked at all the same.
            let skipped = try? payload.withUnsafeBytes { try BlockHead.read($0, at: place, fields: []) }
            #expect((found == nil) == (skipped == nil))
            return found != nil
        }
        #expect(isRead(RecordLimits.listElementCountMax))
        #expect(!isRead(RecordLimits.listElementCountMax + 1))
        #expect(!isRead(Int(Int32.max)))
    }

    @Test("no damage to a head with a right checksum makes the reader trap")
    func damagedHeads() throws {
        for seed in 0..<60 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let payload = payload(
                generator.batch(rowCount: 5), kind: .columns, commitRuns: [CommitRun(commit: 1, rowCount: 5)])
            let headByteCount = try head(payload).byteCount
            for _ in 0..<60 {
                var damaged = payload
                let place = Int.random(in: 8..<headByteCount, using: &generator)
                damaged[place] = UInt8.random(in: 0...0xFF, using: &generator)
                sign(&damaged, headByteCount: headByteCount)
                // Either is fine; a trap is not.
                _ = try? batch(damaged)
            }
        }
    }

    @Test("no damage to a small block makes the reader trap")
    func damagedSmallBlocks() {
        for seed in 0..<60 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let payload = payload(generator.batch(rowCount: 3), kind: .small)
            for _ in 0..<60 {
                var damaged = payload
                damaged[Int.random(in: 0..<damaged.count, using: &generator)] = UInt8.random(
                    in: 0...0xFF, using: &generator)
                if Bool.random(using: &generator) { damaged.removeLast() }
                damaged.withUnsafeBytes { bytes in
                    let block = FoundBlock(kind: .small, offset: 0, payload: bytes)
                    _ = try? block.smallBatch(at: place, with: reader, ZstdDecompressor())
                }
            }
        }
    }
}
