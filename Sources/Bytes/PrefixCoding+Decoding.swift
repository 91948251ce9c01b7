// Reading a prefix code: a table from the next bits to the kind whose code they start with, and how long
// that code is.
//
// Invariant: a table has a code for whatever bits come; lengths that make no such table are refused.

import CColumns

extension PrefixCoding {
    /// Fills `output` with what `encode` was given.
    package static func decode(
        _ cursor: inout ByteCursor, into output: UnsafeMutableRawBufferPointer
    ) throws(BytesError) {
        let place = cursor.offset
        let least = Int(try cursor.read(UInt8.self))
        let greatest = Int(try cursor.read(UInt8.self))
        guard least <= greatest else { throw .malformed(offset: place, reason: "no kinds of bytes") }
        let pairs = try cursor.readBytes((greatest - least + 2) / 2)
        guard least < greatest else {
            for index in 0..<output.count { output[index] = UInt8(least) }
            return
        }
        let half = (output.count + 1) / 2
        let first = try cursor.readCount(limit: half * lengthMax / 8 + 1)
        let second = try cursor.readCount(limit: half * lengthMax / 8 + 1)
        let streams = try cursor.readBytes(first + second)
        guard let lengths = CodeLengths(pairs, of: least...greatest) else {
            throw .malformed(offset: place, reason: "the lengths of its codes are of no prefix code")
        }
        let tableCount = 1 << lengths.longest
        let isWhole = withUnsafeTemporaryAllocation(of: UInt16.self, capacity: tableCount) { table in
            lengths.fill(table)
            // Copied, so that a load of eight bytes may begin at the last one.
            return withUnsafeTemporaryAllocation(byteCount: first + second + 8, alignment: 8) { room in
                room.copyMemory(from: streams)
                room.storeBytes(of: 0, toByteOffset: first + second, as: UInt64.self)
                return assaylog_read_codes(
                    room.baseAddress, first, second, table.baseAddress, Int32(lengths.longest), half,
                    output.count - half, output.baseAddress)
            }
        }
        guard isWhole else {
            throw .malformed(offset: place, reason: "its codes do not end where its bytes do")
        }
    }

    /// How long the code of each kind is: all that a table is made of.
    private struct CodeLengths {
        /// Half a byte for each kind.
        private let pairs: UnsafeRawBufferPointer
        private let kinds: ClosedRange<Int>
        /// How many kinds have a code of each length; those of length 0 are not there at all.
        private var counts = InlineArray<16, UInt16>(repeating: 0)
        let longest: Int

        /// Nil where some run of bits would start with no code, or with two.
        init?(_ pairs: UnsafeRawBufferPointer, of kinds: ClosedRange<Int>) {
            self.pairs = pairs
            self.kinds = kinds
            for kind in kinds { counts[CodeLengths.length(kind, kinds, pairs)] += 1 }
            var longest = 0
            var share = 0
            for length in 1...15 where counts[length] > 0 {
                guard length <= lengthMax else { return nil }
                longest = length
                share += Int(counts[length]) << (lengthMax - length)
            }
            guard share == 1 << lengthMax else { return nil }
            self.longest = longest
        }

        private static func length(
            _ kind: Int, _ kinds: ClosedRange<Int>, _ pairs: UnsafeRawBufferPointer
        ) -> Int {
            let position = kind - kinds.lowerBound
            return Int(pairs[position >> 1] >> UInt8((position & 1) * 4) & 15)
        }

        /// Fills `table`, for each run of `longest` bits, with the length of the code that they start with
        /// and, from bit 8 on, its kind.
        func fill(_ table: UnsafeMutableBufferPointer<UInt16>) {
            // The kinds in the order of their codes, and where those of each length end.
            var ordered = InlineArray<256, UInt8>(repeating: 0)
            var ends = InlineArray<16, UInt16>(repeating: 0)
            for length in 2...15 { ends[length] = ends[length - 1] + counts[length - 1] }
            for kind in kinds {
                let length = CodeLengths.length(kind, kinds, pairs)
                guard length > 0 else { continue }
                ordered[Int(ends[length])] = UInt8(kind)
                ends[length] += 1
            }
            // Length by length: what stands for all runs of fewer bits stands for those with a bit more,
            // whichever that is, but for the codes that are just as long.
            var code = 0
            var next = 0
            for length in 1...longest {
                let half = 1 << (length - 1)
                (table.baseAddress! + half).update(from: table.baseAddress!, count: half)
                while next < Int(ends[length]) {
                    let place = Int(UInt16(code).bitReversed >> UInt16(16 - length))
                    table[place] = UInt16(ordered[next]) << 8 | UInt16(length)
                    code += 1
                    next += 1
                }
                code <<= 1
            }
        }
    }
}
