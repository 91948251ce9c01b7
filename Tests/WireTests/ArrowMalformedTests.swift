// Invariant checked: the second at the head of ArrowReader.swift: no bytes make it trap. What it
// takes of damaged bodies keeps the invariants of RecordBatch all the same.

import JSON
import Records
import Simulation
import Testing

@testable import Wire

private let int64 = ArrowType.integer(bitWidth: 64, isSigned: true)

/// Bodies that have every kind of array between them.
private let bodies: [[UInt8]] = {
    let int8 = ArrowType.integer(bitWidth: 8, isSigned: true)
    var sample = ArrowSample([
        .dictionary(7, .texts("", ["a", nil, "é"]), isDelta: false),
        .dictionary(7, .texts("", ["more"]), isDelta: true),
        .batch([
            .numbers("time", .timestamp(.microsecond), [1000, 2000, 3000, 4000] as [Int64]),
            .texts("t", ["a", "é😀", nil, "x"], isLarge: true),
            .indices("d", .text(isLarge: false), [Int8(0), 3, 1, 2], as: int8, of: 7),
            .fixedSizeLists(
                "in.f", 2, of: .numbers("item", .float(bitWidth: 32), [Float](repeating: 1.5, count: 8)),
                count: 4),
            .lists(
                "l", [0, 2, 0, 1], of: .bools("item", [true, nil, false]), start: 0,
                valid: [true, true, false, true]),
            .structs(
                "in",
                [
                    .numbers("n", .integer(bitWidth: 16, isSigned: false), [UInt16](1...4)),
                    SampleArray("z", .null, count: 4),
                ], count: 4, valid: [true, false, true, true]),
            .lists("deep", [1, 0, 0, 1], of: .structs("item", [.texts("k", ["v", nil])], count: 2)),
            .numbers("u", .integer(bitWidth: 64, isSigned: false), [UInt64.max, 1, 2, 3]),
        ]),
    ])
    sample.fields[1].isJSON = false
    var json = SampleArray.texts("j", ["1.50", "[1,{}]", "\"é\"", "null"])
    json.field.isJSON = true
    var compressed = ArrowSample([
        .numbers("x", int64, [Int64](repeating: 5, count: 40)),
        .texts("y", [String](repeating: "yes", count: 40)),
    ])
    compressed.isCompressed = true
    let posted = try? RecordParser.parse(
        Array(#"[{"time":1,"in.x":[1.5,2],"out":{"y":"a"},"m":[[1]]},{"in.x":null,"out":{"y":null}}]"#.utf8),
        as: .array)
    let written = try? ArrowWriter(form: .nested, status: "{}").bytes(of: [
        posted?.batch ?? RecordBatch(times: [], fields: [])
    ])
    return [
        sample.file, sample.stream, ArrowSample([json]).file, compressed.file, compressed.stream,
        written ?? [],
    ]
}()

/// Reads, and checks what was taken; says whether anything was.
@discardableResult
private func read(_ bytes: [UInt8], _ context: @autoclosure () -> String) -> Bool {
    // Exactly these bytes, so that reading past them is found where memory is checked.
    guard let parsed = try? ArrowReader.read(bytes) else { return false }
    let batch = parsed.batch
    func check(_ leaf: Leaf, count: Int) {
        let isSound =
            leaf.count == count && leaf.nulls.allSatisfy { $0 < count }
            && leaf.texts.allSatisfy { $0.position < count }
        if !isSound { Issue.record("\(context()): a leaf of \(leaf.count) elements for \(count)") }
        if case .text(let texts) = leaf.elements {
            for index in 0..<texts.count
            where String(validating: texts.bytes[texts.range(index)], as: UTF8.self) == nil {
                Issue.record("\(context()): text \(index) is not UTF-8")
            }
        }
    }
    for field in batch.fields {
        if case .each(let states) = field.presence, states.count != batch.rowCount {
            Issue.record("\(context()): rows")
        }
        switch field.values {
        case .none: break
        case .scalar(let leaf): check(leaf, count: batch.rowCount)
        case .fixedList(let leaves): for leaf in leaves { check(leaf, count: batch.rowCount) }
        case .list(let lengths, let leaf): check(leaf, count: lengths.reduce(0) { $0 + Int($1) })
        case .json(let texts):
            if texts.count != batch.rowCount { Issue.record("\(context()): \(texts.count) texts") }
        }
    }
    var writer = RecordWriter()
    writer.write(batch)
    if (try? JSONValue(parsing: String(decoding: writer.finish(), as: UTF8.self))) == nil {
        Issue.record("\(context()): what was taken cannot be written")
    }
    return true
}

@Suite struct ArrowMalformedTests {
    @Test("the bodies themselves are sound", arguments: bodies.indices)
    func sound(number: Int) {
        #expect(read(bodies[number], "body \(number)"))
    }

    @Test("a body cut anywhere is refused; a stream may end between its messages", arguments: bodies.indices)
    func truncated(number: Int) {
        let isFile = bodies[number].starts(with: "ARROW1".utf8)
        var taken = 0
        for count in 0..<bodies[number].count
        where read(Array(bodies[number].prefix(count)), "body \(number) cut to \(count)") { taken += 1 }
        #expect(isFile ? taken == 0 : (1...8).contains(taken))
    }

    @Test("damaged bytes never trap: one to four of them, anywhere", arguments: bodies.indices)
    func damaged(number: Int) {
        var generator = SeededGenerator(seed: UInt64(number) &+ 77)
        let extremes: [UInt8] = [0, 1, 2, 4, 7, 8, 0x7F, 0x80, 0xFE, 0xFF]
        var refused = 0
        for round in 0..<1500 {
            var bytes = bodies[number]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: bytes.indices, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = extremes[Int.random(in: extremes.indices, using: &generator)]
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
                default: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                }
            }
            if !read(bytes, "body \(number), round \(round)") { refused += 1 }
        }
        #expect(refused > 150)
    }

    @Test("every four bytes replaced by the integers that hurt most", arguments: bodies.indices)
    func integers(number: Int) {
        let four = [-1, 1, Int64(Int32.max), Int64(Int32.min)].map { ($0, 4) }
        let eight = [Int64.max, .min, 0x4000_0000].map { ($0, 8) }
        for place in stride(from: 0, to: bodies[number].count - 8, by: 4) {
            for (value, width) in four + eight {
                var bytes = bodies[number]
                withUnsafeBytes(of: value.littleEndian) {
                    for index in 0..<width { bytes[place + index] = $0[index] }
                }
                read(bytes, "body \(number), \(value) at \(place)")
            }
        }
    }

    @Test("parts of two bodies put together", arguments: 0..<400)
    func spliced(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed) &+ 9000)
        let first = bodies[Int.random(in: bodies.indices, using: &generator)]
        let second = bodies[Int.random(in: bodies.indices, using: &generator)]
        let cut = Int.random(in: 0...first.count / 4, using: &generator) * 4
        read(Array(first.prefix(cut)) + second.suffix(max(0, second.count - cut)), "seed \(seed)")
    }
}
