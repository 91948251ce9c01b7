// Why a body of Arrow IPC was refused: what is wrong, where, and what to send instead.
//
// A body is taken whole or not at all, so one error is enough: nothing before it was kept.
//
// Invariant: every case prints as one sentence that names the place and ends with the remedy.

/// A body of Arrow IPC is not taken, or rows do not fit into one.
package enum ArrowError: Error, Hashable, Sendable {
    /// The bytes are not what Arrow IPC says they are; `byteOffset` counts from the body's start.
    case malformed(byteOffset: Int, field: String?, problem: String)
    /// Sound Arrow that is not taken in this form.
    case unsupported(field: String?, problem: String, remedy: String)
    /// A column or value that no record can have.
    case refused(field: String, row: Int?, problem: String)
    /// More than one body may hold.
    case tooLarge(String)
}

extension ArrowError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let offset, let field, let problem):
            "malformed Arrow at byte \(offset)\(Self.named(field)): \(problem); write the body again with an "
                + "Arrow library and send all of it"
        case .unsupported(let field, let problem, let remedy):
            "this Arrow is not taken\(Self.named(field)): \(problem); \(remedy)"
        case .refused(let field, nil, let problem): "field \"\(field)\": \(problem)"
        case .refused(let field, let row?, let problem): "row \(row), field \"\(field)\": \(problem)"
        case .tooLarge(let problem): problem
        }
    }

    private static func named(_ field: String?) -> String {
        field.map { ", field \"\($0)\"" } ?? ""
    }
}
