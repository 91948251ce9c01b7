// How much one pass over an assay's windows looks at, for each sort of caller.

import Assays
import Summaries

/// How much one pass looks at.
struct PassLimit {
    var windowCount: Int
    /// Values of all windows together, as often as they are in one.
    var valueCount: Int

    /// A run is answered as a whole, from memory, a kilobyte or two a window; its values cost a few
    /// seconds.
    static let interactive = PassLimit(windowCount: 100_000, valueCount: 1 << 28)
    /// The scheduler goes on where it stopped, and looks after other assays in between.
    static let scheduled = PassLimit(windowCount: 10_000, valueCount: 1 << 23)
    /// The same for the second generation, which reads what several windows hold once for all of them: a second or two
    /// for an assay whose windows or rolling baselines hold all of it many times.
    static let series = PassLimit(windowCount: 10_000, valueCount: 1 << 26)
    /// Windows whose documents are made together: a few megabytes, which are one append.
    static let documents = PassLimit(windowCount: 2048, valueCount: 1 << 23, binCount: 1 << 16)

    /// Records read at once, unless one window's are more: sixteen megabytes of times and numbers. How much work they are
    /// depends on how many windows hold them.
    static let rowCountAtOnce = 1 << 20

    /// Bins of all windows together, with what a window has beside them: a result takes some ninety bytes for
    /// each.
    var binCount = 1 << 21

    /// No more windows than memory holds the bins of.
    func bounded(forBins binCount: Int) -> PassLimit {
        var bounded = self
        bounded.windowCount = max(1, min(windowCount, self.binCount / (binCount + 15)))
        return bounded
    }

    /// Whether no window more may be looked at.
    var isSpent: Bool { windowCount <= 0 || valueCount <= 0 }

    /// Takes off what was looked at. The last window may take more values than are left.
    mutating func spend(windows: Int, values: Int) {
        windowCount -= windows
        valueCount -= values
    }

    /// How many windows of an assay of the second generation, whose paths have a finding each.
    func windowCount(of definition: SeriesDefinition) -> Int {
        let bounded = bounded(forBins: definition.settings.binMode.binCount).windowCount
        return max(1, bounded / definition.targeting.targets.count)
    }
}
