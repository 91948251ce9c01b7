// Lines that were drawn before, and lines of sizes in between.
//
// Hourly windows differ in size by a few records, and their baseline is one. So lines are drawn at
// few sizes, kept, and interpolated: ten thousand windows cost a handful of drawings.
//
// Invariants:
//  * What is kept changes no answer, only its cost: a line is interpolated between the same sizes
//    whether or not it was asked for before.
//  * At most `lawCountMax` laws are kept, each with its lines at the sizes of `NoiseSizes`: less than
//    two hundred.

import Synchronization

/// The sizes that lines are drawn at: every one up to 32, then four a doubling: 40, 48, 56, 64, 80 …
enum NoiseSizes {
    static let exactMax = 32
    /// Beyond so many records what noise adds is below what any threshold asks.
    static let greatest = 1 << 40

    /// The sizes next to `count`: itself, or those on both sides.
    static func around(_ count: Int) -> (below: Int, above: Int) {
        if count <= exactMax { return (count, count) }
        if count >= greatest { return (greatest, greatest) }
        let step = 1 << (Int.bitWidth - 1 - count.leadingZeroBitCount - 2)
        let below = count / step * step
        return below == count ? (count, count) : (below, below + step)
    }

    /// The size that stands for a baseline of `count` values: itself up to 64, then the nearest of
    /// sixteen a doubling.
    static func nearestBaseline(_ count: Int) -> Int {
        if count <= 64 { return count }
        if count >= greatest { return greatest }
        let step = 1 << (Int.bitWidth - 1 - count.leadingZeroBitCount - 4)
        return (count + step / 2) / step * step
    }
}

/// The lines of a process.
final class NoiseLines: Sendable {
    static let shared = NoiseLines()

    /// As many baselines as a busy server looks at in an hour; some kilobytes each at most.
    private static let lawCountMax = 16_384

    private let kept = Mutex<[NoiseLaw: [Int: NoiseLine]]>([:])

    func line(of law: NoiseLaw, windowCount: Int) -> NoiseLine {
        let sizes = NoiseSizes.around(windowCount)
        let below = line(of: law, drawnAt: sizes.below)
        guard sizes.below < sizes.above else { return below }
        let above = line(of: law, drawnAt: sizes.above)
        func place(_ count: Int) -> Double {
            let scale = 1 / Double(count) + 1 / Double(law.baselineCount)
            return law.isLogarithmic ? scale : scale.squareRoot()
        }
        let (start, end) = (place(sizes.below), place(sizes.above))
        let part = (place(windowCount) - start) / (end - start)
        func between(_ first: Double, _ second: Double) -> Double { first + (second - first) * part }
        return NoiseLine(
            mean: between(below.mean, above.mean), line95: between(below.line95, above.line95))
    }

    private func line(of law: NoiseLaw, drawnAt size: Int) -> NoiseLine {
        if let line = kept.withLock({ $0[law]?[size] }) { return line }
        // Drawn without the lock: two who ask at once draw the same line.
        let line = law.drawn(windowCount: size)
        kept.withLock { kept in
            // Forgetting all is rare, and simpler than remembering who was asked for last.
            if kept.count >= Self.lawCountMax, kept[law] == nil { kept.removeAll(keepingCapacity: true) }
            kept[law, default: [:]][size] = line
        }
        return line
    }
}
