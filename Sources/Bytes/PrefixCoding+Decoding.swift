// Reading a prefix code: a table from the next bits to the kind whose code they start with, and how long
// that code is.
//
// Invariant: a table has a code for whatever bits come; lengths that make no such table are refused.

extension PrefixCoding {
    /// Fills `output` with what `encode` was given.
    package static func decode(
        _ cursor: inout ByteCursor, into output: UnsafeMutableRawBufferPointer
    ) throws(BytesError) {
        let place = cursor.offset
        let least = Int(try cursor.read(UInt8.self))
        let greatest = Int(try cursor.read(UInt8.self))
        guard least <= greatest else { throw .badFrame(offset: place, reason: "no kinds of bytes") }
        let pairs = try cursor.readBytes((greatest - least + 2) / 2)
        guard least < greatest else {
            for index in 0..<output.count { output[index] = UInt8(least) }
            return
        }
        let half = (output.count + 1) / 2
        let first = try cursor.readCount(limit: half * lengthMax / 8 + 1)
        let second = try cursor.readCount(limit: half * lengthMax / 8 + 1)
        let streams = try cursor.readBytes(first + second)
        let problem = withUnsafeTemporaryAllocation(
            of: UInt16.self, capacity: 1 << lengthMax
        ) { table -> String? in
            guard let longest = fill(table, pairs, of: least...greatest) else {
                return "the lengths of its codes are of no prefix code"
            }
            // Copied, so that a load of eight bytes may begin at the last one.
            let isWhole = withUnsafeTemporaryAllocation(byteCount: first + second + 8, alignment: 8) { room in
                room.copyMemory(from: streams)
                room.storeBytes(of: 0, toByteOffset: first + second, as: UInt64.self)
                return read(
                    UnsafeRawBufferPointer(room), first, second,
                    UnsafeMutableBufferPointer(rebasing: table[..<(1 << longest)]), into: output, half)
            }
            return isWhole ? nil : "its codes do not end where its bytes do"
        }
        if let problem { throw .badFrame(offset: place, reason: problem) }
    }

    /// Fills the start of `table`, for each run of as many bits as the longest code has, with that code's
    /// length and, from bit 8 on, the kind.
    ///
    /// - Parameter pairs: half a byte for each kind, the length of its code.
    /// - Returns: the longest length; nil where some run of bits starts with no code, or with two.
    private static func fill(
        _ table: UnsafeMutableBufferPointer<UInt16>, _ pairs: UnsafeRawBufferPointer,
        of kinds: ClosedRange<Int>
    ) -> Int? {
        func length(_ kind: Int) -> Int {
            let position = kind - kinds.lowerBound
            return Int(pairs[position >> 1] >> UInt8((position & 1) * 4) & 15)
        }
        return withUnsafeTemporaryAllocation(of: Int.self, capacity: 17 + 256) { room in
            // Where the kinds of each length begin in the order of codes, then where they end.
            let (ends, ordered) = (room.baseAddress!, room.baseAddress! + 17)
            for length in 0..<17 { ends[length] = 0 }
            for kind in kinds { ends[length(kind) + 1] += 1 }
            ends[1] = 0
            var longest = 0
            var share = 0
            for length in 1...15 where ends[length + 1] > 0 {
                guard length <= lengthMax else { return nil }
                longest = length
                share += ends[length + 1] << (lengthMax - length)
            }
            guard share == 1 << lengthMax else { return nil }
            for length in 1...15 { ends[length + 1] += ends[length] }
            for kind in kinds {
                let length = length(kind)
                guard length > 0 else { continue }
                ordered[ends[length]] = kind
                ends[length] += 1
            }
            // Length by length: what stands for all runs of fewer bits stands for those with a bit more,
            // whichever that is, but for the codes that are just as long.
            var code = 0
            var next = 0
            for length in 1...longest {
                let half = 1 << (length - 1)
                (table.baseAddress! + half).update(from: table.baseAddress!, count: half)
                while next < ends[length] {
                    let place = Int(UInt16(code).bitReversed >> UInt16(16 - length))
                    table[place] = UInt16(ordered[next]) << 8 | UInt16(length)
                    code += 1
                    next += 1
                }
                code <<= 1
            }
            return longest
        }
    }

    /// Reads both halves of `output`; false where a stream holds not as many codes as it should.
    private static func read(
        _ room: UnsafeRawBufferPointer, _ first: Int, _ second: Int,
        _ table: UnsafeMutableBufferPointer<UInt16>,
        into output: UnsafeMutableRawBufferPointer, _ half: Int
    ) -> Bool {
        let mask = UInt64(table.count - 1)
        let last = room.count - 8
        // Bits from the start of the room; a stream that is too short runs on to the end and no further.
        var (firstBit, secondBit) = (0, first * 8)
        @inline(__always) func word(_ bit: Int) -> UInt64 {
            let word = room.loadUnaligned(fromByteOffset: min(bit >> 3, last), as: UInt64.self)
            return UInt64(littleEndian: word) &>> UInt64(bit & 7)
        }
        let secondCount = output.count - half
        var index = 0
        while index + 5 <= secondCount {
            var firstWord = word(firstBit)
            var secondWord = word(secondBit)
            for step in 0..<5 {
                let one = table[Int(truncatingIfNeeded: firstWord & mask)]
                let other = table[Int(truncatingIfNeeded: secondWord & mask)]
                output[index + step] = UInt8(truncatingIfNeeded: one &>> 8)
                output[half + index + step] = UInt8(truncatingIfNeeded: other &>> 8)
                // A length is below 64, so no more of the entry than that counts.
                firstWord &>>= UInt64(truncatingIfNeeded: one)
                secondWord &>>= UInt64(truncatingIfNeeded: other)
                firstBit &+= Int(one & 0xFF)
                secondBit &+= Int(other & 0xFF)
            }
            index += 5
        }
        for rest in index..<half {
            let one = table[Int(word(firstBit) & mask)]
            output[rest] = UInt8(truncatingIfNeeded: one >> 8)
            firstBit += Int(one & 0xFF)
        }
        for rest in index..<max(index, secondCount) {
            let other = table[Int(word(secondBit) & mask)]
            output[half + rest] = UInt8(truncatingIfNeeded: other >> 8)
            secondBit += Int(other & 0xFF)
        }
        return (firstBit + 7) / 8 == first && (secondBit + 7) / 8 == first + second
    }
}
