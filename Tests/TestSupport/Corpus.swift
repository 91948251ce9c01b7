// Whether recorded cases of the original service are there, and where.

import Glibc

/// Recorded cases of the original service, which are no part of the repository; without them, the tests that
/// compare with them do not run.
package enum Corpus {
    package static let folder = getenv("ASSAYLOG_CORPUS").map { String(cString: $0) }
    package static let missing = "set ASSAYLOG_CORPUS to the folder that holds spec, corpus and data"
}
