// What the index tells of a topic's times, without a look at a record that lies in a block: which came after a commit,
// about how many lie in a period, and so how many windows may be read at once.
//
// Invariants:
//  * Times cover every record that came after the commit, and perhaps moments at which none did.
//  * A period is said to hold no fewer records than it does.
//  * Of windows that are cut to what may be read at once, one is always left.

import EventLog
import Records
import Segments

/// Records of one run that are no further apart than this are looked at together.
private let nearMilliseconds: UInt64 = 60_000

extension TopicIndex {
    /// The times of records that came after `cut`. Costs the blocks of segments that got any.
    ///
    /// - Returns: ranges of microseconds.
    func times(after cut: CommitNumber) -> DisjointRanges {
        var found = DisjointRanges()
        func insert(_ least: Int64, _ greatest: Int64) {
            let end = Timestamp(milliseconds: greatest).adding(TimeSpan(microseconds: 1))
            found.insert(Int(Timestamp(milliseconds: least).microseconds)..<Int(end.microseconds))
        }
        for segment in segments where segment.blocks.lastCommit > cut {
            for block in segment.blocks where block.lastCommit > cut {
                insert(block.timeMin, block.timeMax)
            }
        }
        for run in tails.values.joined() where run.commitRuns.last!.commit > cut {
            // A run grows with each small append: only its rows after the cut are new.
            let oldRowCount = run.commitRuns.lazy.filter { $0.commit <= cut }.reduce(0) { $0 + $1.rowCount }
            // A record of now may stand beside one that is a year late: only those near each other are one range.
            let times = run.batch.times[oldRowCount...]
            guard var least = times.first, var greatest = times.first else { continue }
            for time in times {
                // Unsigned, so that no distance is too great.
                let gap = time < least ? least &- time : time > greatest ? time &- greatest : 0
                if UInt64(bitPattern: gap) > nearMilliseconds {
                    insert(least, greatest)
                    (least, greatest) = (time, time)
                } else {
                    (least, greatest) = (min(least, time), max(greatest, time))
                }
            }
            insert(least, greatest)
        }
        return found
    }

    /// About how many records lie in a period: those of all blocks that touch it.
    func rowCountBound(in period: TimeWindow) -> Int {
        let times = period.milliseconds
        var count = 0
        for segment in segments
        where segment.blocks.timeMax >= times.lowerBound && segment.blocks.timeMin < times.upperBound {
            for block in segment.blocks
            where block.timeMax >= times.lowerBound && block.timeMin < times.upperBound {
                count += block.rowCount
            }
        }
        for run in tails.values.joined()
        where run.timeMax >= times.lowerBound && run.timeMin < times.upperBound {
            count += run.batch.rowCount
        }
        return count
    }
}

extension RandomAccessCollection where SubSequence == Self {
    /// The first of some windows, halved until they hold about `rowCountMax` records or are one; and about how many they
    /// hold. There is at least one window.
    ///
    /// - Parameter rowCount: about how many records some of them hold. To ask an index is a look at all blocks.
    func halved(
        toHold rowCountMax: Int, _ rowCount: (Self) -> Int
    ) -> (windows: Self, rowCount: Int) {
        var windows = self
        var found = rowCount(windows)
        while found > rowCountMax, windows.count > 1 {
            windows = windows.prefix(windows.count / 2)
            found = rowCount(windows)
        }
        return (windows, found)
    }
}
