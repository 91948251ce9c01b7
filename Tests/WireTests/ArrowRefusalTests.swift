// Invariants checked: what is not taken is refused by name, with what to send instead
// (ArrowSchemaReader.swift, ArrowArrayReader.swift, ArrowError.swift).

import Bytes
import Records
import Testing

@testable import Wire

private let int64 = ArrowType.integer(bitWidth: 64, isSigned: true)

private func refusal(_ bytes: [UInt8]) -> String {
    do throws(ArrowError) {
        _ = try ArrowReader.read(bytes)
        return "taken"
    } catch {
        return error.description
    }
}

private func refusal(_ columns: SampleArray...) -> String { refusal(ArrowSample(columns).stream) }

@Suite struct ArrowRefusalTests {
    private let column = SampleArray.numbers("x", int64, [Int64](repeating: 3, count: 64))

    @Test("big-endian bodies, unknown codecs and old or unknown versions are refused with the remedy")
    func foreign() {
        var sample = ArrowSample([column])
        sample.endianness = 1
        #expect(refusal(sample.file).contains("big-endian"))
        sample = ArrowSample([column])
        sample.isCompressed = true
        sample.codec = 2
        #expect(refusal(sample.file).contains("codec 2; write it with compression=\"zstd\""))
        sample = ArrowSample([column])
        sample.version = 2
        #expect(refusal(sample.stream).contains("metadata has version 3"))
        sample.version = 3
        #expect(refusal(sample.stream) == "taken")
    }

    @Test("bodies that are not Arrow")
    func others() {
        #expect(refusal(Array("FEA1............".utf8)).contains("version=2"))
        for text in ["", "[", "[{\"in.x\":1.5},{\"in.x\":2.5}]", "PAR1............PAR1", "ARROW1"] {
            #expect(refusal(Array(text.utf8)).hasPrefix("malformed Arrow at byte"), "\(text)")
        }
    }

    @Test("bytes after a stream's end, and a second schema, are not dropped in silence")
    func trailing() {
        let stream = ArrowSample([column]).stream
        #expect(refusal(stream + [1]).contains("1 bytes follow the end of the stream"))
        #expect(refusal(Array(stream.dropLast(8)) + stream).contains("one stream a body"))
        #expect(refusal(Array(stream.dropLast(8))) == "taken")
    }

    @Test("a field is given once: flat or in its group")
    func twice() {
        let group = SampleArray.structs("in", [.numbers("x", int64, [Int64(1)])], count: 1)
        #expect(
            refusal(group, .numbers("in.x", int64, [Int64(1)])).contains("field \"in.x\": is given twice"))
        #expect(
            refusal(.numbers("time", int64, [Int64(1)]), .numbers("time", int64, [Int64(1)])).contains(
                "twice"))
        #expect(
            refusal(.numbers("\u{E9}", int64, [Int64(1)]), .numbers("e\u{301}", int64, [Int64(1)])) == "taken"
        )
    }

    @Test("names and nesting have limits")
    func limits() {
        let longest = String(repeating: "n", count: RecordLimits.nameByteCountMax)
        #expect(refusal(.numbers(longest, int64, [Int64(1)])) == "taken")
        #expect(refusal(.numbers(longest + "n", int64, [Int64(1)])).contains("1025 bytes"))
        #expect(
            refusal(.structs("in", [.numbers(longest, int64, [Int64(1)])], count: 1)).contains(
                "with its group"))
        func nested(_ depth: Int) -> SampleArray {
            (1..<depth).reduce(.numbers("item", int64, [Int64(1)])) { array, _ in
                .lists("item", [1], of: array)
            }
        }
        #expect(refusal(nested(ArrowSchemaReader.depthMax)) == "taken")
        #expect(refusal(nested(ArrowSchemaReader.depthMax + 1)).contains("nested over"))
        #expect(
            refusal(
                .numbers(
                    "x", .integer(bitWidth: 8, isSigned: true),
                    [Int8](repeating: 0, count: RecordParser.rowCountMax + 1))
            )
            .contains("over 1000000 rows"))
    }

    @Test("lengths without bytes behind them are bounded")
    func nothing() {
        let count = 1 << 30
        for array in [
            SampleArray("x", .null, count: count), .structs("x", [], count: count),
            .fixedSizeLists("x", 0, of: .numbers("item", int64, [Int64]()), count: count),
            .fixedSizeLists("x", count, of: SampleArray("item", .null, count: count), count: 1),
        ] {
            #expect(
                refusal(array).contains("past 256 MiB") || refusal(array).contains("rows"),
                "\(array.field.type)")
        }
        let nulls = SampleArray("x", .null, count: 900_000)
        let columns = (0..<60).map { number in
            var column = nulls
            column.field.name = "x\(number)"
            return column
        }
        #expect(refusal(ArrowSample(columns).stream).contains("past 256 MiB"))
    }

    @Test("lists of more elements than a block can say are refused before room is made for them")
    func longLists() {
        let count = RecordLimits.listElementCountMax
        var bools = SampleArray("item", .bool, count: count + 1)
        bools.buffers = [[UInt8](repeating: 0, count: count / 8 + 1)]
        #expect(
            refusal(.lists("x", [count + 1], of: bools)).contains(
                "the lists of field \"x\" have \(count + 1) elements, and at most \(count) are kept"))
        // One less, and the element is nobody's.
        #expect(refusal(.lists("x", [600, 601], of: bools)) == "taken")
    }

    @Test("buffers, nodes and offsets that do not fit their array")
    func liars() {
        var short = column
        short.buffers[0].removeLast(8)
        #expect(refusal(short).contains("a buffer of 504 bytes should have 512"))
        var descending = SampleArray.texts("t", ["ab", "cd"])
        descending.buffers[0] = SampleArray.offsets([3, -2], isLarge: false)
        #expect(refusal(descending).contains("the offsets are negative, descend"))
        var past = SampleArray.texts("t", ["ab", "cd"])
        past.buffers[0] = SampleArray.offsets([2, 3], isLarge: false)
        #expect(refusal(past).contains("lead past the 4 elements"))
        var cut = SampleArray.texts("t", ["é", "x"])
        cut.buffers[0] = SampleArray.offsets([1, 2], isLarge: false)
        #expect(refusal(cut).contains("the text of element 0 is not UTF-8"))
        #expect(
            refusal(.fixedSizeLists("f", 3, of: .numbers("item", int64, [Int64](0..<8)), count: 3)).contains(
                "3 lists of 3 elements"))
        #expect(
            refusal(.structs("s", [.numbers("m", int64, [Int64(1)])], count: 2)).contains("has 1 of a member")
        )
        #expect(refusal(column, .numbers("y", int64, [Int64(1)])).contains("has 1 rows, its batch 64"))
        var nullCount = column
        nullCount.statedNullCount = 65
        #expect(refusal(nullCount).contains("65 of 64 elements are said to be null"))
        var noValidity = column
        noValidity.statedNullCount = 1
        #expect(refusal(noValidity).contains("a buffer of 0 bytes should have 8"))
    }

    @Test("a compressed buffer inflates to what it states, or is refused")
    func inflation() {
        var sample = ArrowSample([column])
        sample.isCompressed = true
        let bytes = sample.stream
        // 512 bytes are stated once, in front of the frame.
        let place = bytes.indices.first { index in
            bytes[index...].starts(with: [0, 2, 0, 0, 0, 0, 0, 0, 0x28, 0xB5, 0x2F, 0xFD])
        }
        guard let place else {
            Issue.record("no frame")
            return
        }
        func stating(_ low: UInt8, _ high: UInt8) -> [UInt8] {
            var bytes = bytes
            bytes[place + 1] = low
            bytes[place + 7] = high
            return bytes
        }
        #expect(refusal(stating(2, 0)) == "taken")
        #expect(refusal(stating(3, 0)).contains("512 bytes, 768 were stated"))
        #expect(refusal(stating(1, 0)).contains("bad compressed frame"))
        #expect(refusal(stating(2, 0x40)).contains("past 256 MiB"))
        #expect(refusal(stating(2, 0x80)).contains("is said to inflate to -"))
    }
}
