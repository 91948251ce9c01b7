// Waiting for what tells nobody that it has come.

/// Comes back once `isSo`, which it looks at each millisecond; never, where it never is.
///
/// For states that nobody can be told of: how many wait at a gate or in a queue, or a log that tries by the clock
/// whether its disk takes anything again. The pause leaves the processors to what is waited for, and no test goes
/// by its length. What has a value, a stream or an event to wait for is not waited for so.
package func waitUntil(_ isSo: () throws -> Bool) async throws {
    while !(try isSo()) { try await Task.sleep(for: .milliseconds(1)) }
}
