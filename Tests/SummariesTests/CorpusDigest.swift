// SHA-256 (FIPS 180-4), for the corpus test to know that a file is the one that was measured.
//
// Written here because the room under test has no need of it, and a test need not bring a library.

enum CorpusDigest {
    /// The digest of `bytes`, in hexadecimal.
    static func sha256(_ bytes: [UInt8]) -> String {
        var padded = bytes + [0x80]
        while padded.count % 64 != 56 { padded.append(0) }
        let bitCount = UInt64(bytes.count) * 8
        padded += (0..<8).map { UInt8(truncatingIfNeeded: bitCount >> UInt64(56 - 8 * $0)) }
        var state = initial
        for start in stride(from: 0, to: padded.count, by: 64) {
            compress(&state, padded[start..<start + 64])
        }
        return state.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    /// The first 64 primes, from whose roots both tables are the leading bits of the fractions.
    private static let primes: [UInt32] = {
        var found: [UInt32] = []
        var candidate: UInt32 = 2
        while found.count < 64 {
            if found.allSatisfy({ candidate % $0 != 0 }) { found.append(candidate) }
            candidate += 1
        }
        return found
    }()

    private static let initial = primes.prefix(8).map { fractionOfRoot($0, power: 2) }
    private static let constants = primes.map { fractionOfRoot($0, power: 3) }

    /// floor(2^32 · root) - its whole part: the largest r with r^power ≤ prime · 2^(32·power).
    private static func fractionOfRoot(_ prime: UInt32, power: Int) -> UInt32 {
        let bound = UInt128(prime) << UInt128(32 * power)
        var root: UInt128 = 0
        for bit in (0..<36).reversed() {
            let larger = root | 1 << UInt128(bit)
            let raised = power == 2 ? larger * larger : larger * larger * larger
            if raised <= bound { root = larger }
        }
        return UInt32(truncatingIfNeeded: root)
    }

    private static func compress(_ state: inout [UInt32], _ block: ArraySlice<UInt8>) {
        func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 {
            word >> count | word << (32 - count)
        }
        var schedule = stride(from: block.startIndex, to: block.endIndex, by: 4).map { start in
            block[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        for step in 16..<64 {
            let (late, early) = (schedule[step - 2], schedule[step - 15])
            let first = rotated(late, 17) ^ rotated(late, 19) ^ late >> 10
            let second = rotated(early, 7) ^ rotated(early, 18) ^ early >> 3
            schedule.append(first &+ schedule[step - 7] &+ second &+ schedule[step - 16])
        }
        var working = state
        for step in 0..<64 {
            let (first, fifth) = (working[0], working[4])
            let choice = fifth & working[5] ^ ~fifth & working[6]
            let majority = first & working[1] ^ first & working[2] ^ working[1] & working[2]
            let low = rotated(first, 2) ^ rotated(first, 13) ^ rotated(first, 22)
            let high = rotated(fifth, 6) ^ rotated(fifth, 11) ^ rotated(fifth, 25)
            let added = working[7] &+ high &+ choice &+ constants[step] &+ schedule[step]
            working = [added &+ low &+ majority] + working.dropLast()
            working[4] &+= added
        }
        for position in 0..<8 { state[position] &+= working[position] }
    }
}
