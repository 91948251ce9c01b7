// Lines that were drawn before, and lines of sizes in between.
//
// Hourly windows differ in size by a few records, and their baseline is one. So lines are drawn at
// few sizes, kept, and interpolated: ten thousand windows cost a handful of drawings. Who holds one baseline
// against many windows asks a `NoiseBaseline`, which works out once what the windows do not change: then a
// line costs a look at what lies around its size and one interpolation.
//
// Invariants:
//  * What is kept changes no answer, only its cost: a line is interpolated between the same sizes
//    whether or not it was asked for before.
//  * At most `sourceCountMax` sources are kept, of `binCountMax` bins in all, each with its lines at the sizes of
//    `NoiseSizes`: less than two hundred.

import Bytes
import Synchronization

/// What a line is drawn from.
enum NoiseSource: Hashable, Sendable {
    /// Shares of bins are compared.
    case shares(NoiseLaw)
    /// Edges are.
    case edges(EdgeLaw)

    init?(_ summary: Summary, _ settings: SummarizerSettings) {
        let found =
            settings.aggregation == .edges
            ? EdgeLaw(summary, settings).map(Self.edges) : NoiseLaw(summary, settings).map(Self.shares)
        guard let found else { return nil }
        self = found
    }

    /// The line of windows of exactly `windowCount` values, drawn anew.
    func drawn(windowCount: Int) -> NoiseLine {
        switch self {
        case .shares(let law): law.drawn(windowCount: windowCount)
        case .edges(let law): law.drawn(windowCount: windowCount)
        }
    }

    var baselineCount: Int {
        switch self {
        case .shares(let law): law.baselineCount
        case .edges(let law): law.baselineCount
        }
    }

    /// Whether scores shrink as 1/n + 1/m does; others shrink as its root. Extremes do not, but between two
    /// sizes as near as these any scale will do.
    var isLogarithmic: Bool {
        switch self {
        case .shares(let law): law.isLogarithmic
        case .edges: false
        }
    }

    /// What it takes to keep.
    var binCount: Int {
        switch self {
        case .shares(let law): law.spacings.count
        case .edges(let law): law.baseline.count
        }
    }
}

/// The sizes that lines are drawn at: every one up to 32, then four a doubling: 40, 48, 56, 64, 80 …
enum NoiseSizes {
    static let exactMax = 32
    /// Beyond so many records what noise adds is below what any threshold asks.
    static let greatest = 1 << 40

    /// The sizes next to `count`: itself, or those on both sides.
    static func around(_ count: Int) -> Neighbours {
        if count <= exactMax { return Neighbours(below: count, above: count) }
        if count >= greatest { return Neighbours(below: greatest, above: greatest) }
        // Four a doubling: all bits but the three highest are below the step.
        let shift = Int.bitWidth - 1 - count.leadingZeroBitCount - 2
        let below = (count >> shift) << shift
        return Neighbours(below: below, above: below == count ? count : below + (1 << shift))
    }

    /// Two sizes that lines are drawn at, with none between; one size twice, where that is asked for.
    struct Neighbours: Hashable {
        var below: Int
        var above: Int
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

/// The lines between two sizes that were drawn at.
private struct NoiseSpan {
    private let below: NoiseLine
    private let above: NoiseLine
    private let isLogarithmic: Bool
    private let baselinePart: Double
    /// Where the two stand on the scale along which lines are interpolated.
    private let start: Double
    private let end: Double

    init(_ source: NoiseSource, _ sizes: NoiseSizes.Neighbours, _ below: NoiseLine, _ above: NoiseLine) {
        self.below = below
        self.above = above
        isLogarithmic = source.isLogarithmic
        baselinePart = 1 / Double(source.baselineCount)
        start = Self.place(sizes.below, baselinePart, isLogarithmic)
        end = Self.place(sizes.above, baselinePart, isLogarithmic)
    }

    private static func place(_ count: Int, _ baselinePart: Double, _ isLogarithmic: Bool) -> Double {
        let scale = 1 / Double(count) + baselinePart
        return isLogarithmic ? scale : scale.squareRoot()
    }

    func line(windowCount: Int) -> NoiseLine {
        guard start != end else { return below }
        let part = (Self.place(windowCount, baselinePart, isLogarithmic) - start) / (end - start)
        return NoiseLine(
            mean: below.mean + (above.mean - below.mean) * part,
            line95: below.line95 + (above.line95 - below.line95) * part)
    }
}

/// A baseline as lines of many windows are asked of it, from any thread.
///
/// What it has worked out changes no answer: `line` is `NoiseLine.of` with less work.
package final class NoiseBaseline: Sendable {
    private let summary: Summary
    private let settings: SummarizerSettings
    private let known = Mutex<Known?>(nil)

    private struct Known {
        /// Nil where the law says nothing.
        var source: NoiseSource?
        /// What was asked for last; windows of one baseline are mostly of about one size.
        var spans: [(sizes: NoiseSizes.Neighbours, span: NoiseSpan)] = []
    }

    /// Spans kept: two doublings of sizes. Looking through them is quicker than any table.
    private static let spanCountMax = 8

    /// Works nothing out: the first line that is asked for does.
    package init(_ summary: Summary, _ settings: SummarizerSettings) {
        self.summary = summary
        self.settings = settings
    }

    /// The line of a window of `count` numbers; nil where the law says nothing.
    ///
    /// Costs some ten nanoseconds, but where lines have to be drawn.
    package func line(windowCount: Int) -> NoiseLine? {
        guard windowCount > 0 else { return nil }
        let sizes = NoiseSizes.around(windowCount)
        // Two may work out the same at once, and keep it one after the other.
        let (isKnown, source, span) = known.withLock { known -> (Bool, NoiseSource?, NoiseSpan?) in
            guard let known else { return (false, nil, nil) }
            if let found = known.spans.first(where: { $0.sizes == sizes }) { return (true, nil, found.span) }
            return (true, known.source, nil)
        }
        if let span { return span.line(windowCount: windowCount) }
        guard let source = isKnown ? source : NoiseSource(summary, settings) else {
            if !isKnown { known.withLock { $0 = Known() } }
            return nil
        }
        let drawn = NoiseLines.shared.span(of: source, sizes)
        known.withLock { known in
            var entry = known ?? Known(source: source)
            if entry.spans.count == Self.spanCountMax { entry.spans.removeFirst() }
            entry.spans.append((sizes, drawn))
            known = entry
        }
        return drawn.line(windowCount: windowCount)
    }
}

/// The lines of a process.
final class NoiseLines: Sendable {
    static let shared = NoiseLines()

    /// As many baselines as a busy server looks at in an hour; some kilobytes each as a rule.
    private static let sourceCountMax = 16_384
    /// A source of thousands of bins takes 24 bytes for each, where it has weights: 64 MiB in all, or a little more.
    private static let binCountMax = 2_796_202

    private struct Kept {
        var lines: [NoiseSource: [Int: NoiseLine]] = [:]
        /// Of all sources together.
        var binCount = 0
    }

    private let kept = Mutex(Kept())

    func line(of source: NoiseSource, windowCount: Int) -> NoiseLine {
        span(of: source, NoiseSizes.around(windowCount)).line(windowCount: windowCount)
    }

    /// The lines at two neighbouring sizes, and those between.
    fileprivate func span(of source: NoiseSource, _ sizes: NoiseSizes.Neighbours) -> NoiseSpan {
        let lacksBoth = kept.withLock { kept in
            let lines = kept.lines[source]
            return lines?[sizes.below] == nil && lines?[sizes.above] == nil
        }
        if lacksBoth && sizes.below < sizes.above {
            // Somebody waits for the first answer about a baseline, and most of it is these two.
            let drawn = Processors.share(parts: 2) { side in
                line(of: source, drawnAt: side == 0 ? sizes.below : sizes.above)
            }
            return NoiseSpan(source, sizes, drawn[0], drawn[1])
        }
        let below = line(of: source, drawnAt: sizes.below)
        let above = sizes.below < sizes.above ? line(of: source, drawnAt: sizes.above) : below
        return NoiseSpan(source, sizes, below, above)
    }

    private func line(of source: NoiseSource, drawnAt size: Int) -> NoiseLine {
        if let line = kept.withLock({ $0.lines[source]?[size] }) { return line }
        // Drawn without the lock: two who ask at once draw the same line.
        let line = source.drawn(windowCount: size)
        kept.withLock { kept in
            if kept.lines[source] == nil {
                // Forgetting all is rare, and simpler than remembering who was asked for last.
                if kept.lines.count >= Self.sourceCountMax
                    || kept.binCount + source.binCount > Self.binCountMax
                {
                    kept.lines.removeAll(keepingCapacity: true)
                    kept.binCount = 0
                }
                kept.binCount += source.binCount
            }
            kept.lines[source, default: [:]][size] = line
        }
        return line
    }
}
