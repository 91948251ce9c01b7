// Why a body of records was refused: the row, the field and the problem, or the place in the text.
//
// A body is taken whole or not at all, so one error is enough: nothing before it was kept.

import JSON

/// A body of records is not taken.
package enum RecordParseError: Error, Hashable, Sendable {
    /// The text is not JSON, or no text of records; `row` is nil between rows.
    case malformed(row: Int?, JSONError)
    /// A row that would not come back as it was posted, so it is not taken.
    case refused(row: Int, field: String, problem: String)
    /// More than one body may hold.
    case tooLarge(String)
}

extension RecordParseError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(nil, let error): error.description
        case .malformed(let row?, let error): "row \(row): \(error)"
        case .refused(let row, let field, let problem): "row \(row), field \"\(field)\": \(problem)"
        case .tooLarge(let problem): problem
        }
    }
}
