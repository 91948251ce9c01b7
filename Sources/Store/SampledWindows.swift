// A few windows of one pass whose values are sorted, on their way to an outcome.
//
// A window's statistics are two long sums whose additions wait for one another. Windows are therefore
// gathered until there are some whose sums can go on side by side (Moments.ofEach), and then compared.
//
// Invariants:
//  * Outcomes come in the order in which windows were added, each what it would be of that window alone.
//  * Memory is kept from group to group: it grows with the longest windows, not with their number.

import Assays
import Records
import Summaries

/// What became of one occupied window.
struct ExaminedWindow {
    var end: Timestamp
    var valueCount: Int
    /// Of its own baseline, where that slides.
    var baselineValueCount = 0
    var outcome: WindowOutcome<AssayOutcome>
}

struct SampledWindows {
    private var samples = [SortedSample](repeating: SortedSample(), count: SampledWindows.countMax)
    private var windows: [(window: TimeWindow, valueCount: Int)] = []
    /// Nanoseconds of work on the windows that are here.
    private var elapsed: Int64 = 0

    private static let countMax = 4

    var isFull: Bool { windows.count == SampledWindows.countMax }

    /// Sorts the values of one more window.
    ///
    /// - Parameter start: when work on it began, as the monotonic clock has it; nil for now.
    mutating func add(
        _ values: UnsafeBufferPointer<Double>, of window: TimeWindow, _ sorter: inout SampleSorter,
        _ sources: SystemSources, since start: Int64? = nil
    ) {
        precondition(!isFull, "The windows that are here are to be examined first.")
        let start = start ?? sources.monotonicNanoseconds()
        samples[windows.count].refill(from: values, sorter: &sorter)
        windows.append((window, values.count))
        elapsed += sources.monotonicNanoseconds() - start
    }

    /// Compares the windows that are here, which then are no more.
    mutating func examine(
        with evaluator: AssayEvaluator, _ sources: SystemSources, baselineValueCount: Int = 0,
        into examined: inout [ExaminedWindow]
    ) {
        guard !windows.isEmpty else { return }
        let start = sources.monotonicNanoseconds()
        let moments = Moments.ofEach(samples, count: windows.count)
        let outcomes = windows.indices.map { position in
            evaluator.outcome(
                of: samples[position], moments: moments[position], in: windows[position].window)
        }
        elapsed += sources.monotonicNanoseconds() - start
        // Each its share: what a status report says of a window is whole milliseconds.
        let milliseconds = Int(elapsed / 1_000_000) / windows.count
        let analysedAt = sources.beginning(ofWorkOf: milliseconds)
        for (window, outcome) in zip(windows, outcomes) {
            examined.append(
                ExaminedWindow(
                    end: window.window.end, valueCount: window.valueCount,
                    baselineValueCount: baselineValueCount,
                    outcome: WindowOutcome(
                        outcome: outcome, analysedAt: analysedAt, elapsedMilliseconds: milliseconds)))
        }
        windows.removeAll(keepingCapacity: true)
        elapsed = 0
    }
}
