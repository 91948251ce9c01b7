// What orders all that is in a log.

/// The number of an envelope of the log: its only clock. The first is 1.
package typealias CommitNumber = UInt64
