// The names that people give: of workspaces, models, pipelines and locations.
//
// A name becomes part of topics, URLs and answers, so it must be possible to see it, to split a
// URL at it, and to keep it beside others. Beyond that any letters of any language do: names are
// not host names here.
//
// Invariants:
//  * An accepted name has 1 to `byteCountMax` bytes, no slash, no control character, and no space
//    at either end; and it is not "." or "..", which a URL swallows.
//  * Two pipelines, of one workspace or of two, have topics of different names.

import Bytes
import Records

/// The rule for names of workspaces, models, pipelines, locations and deployments.
package enum CatalogName {
    /// In UTF-8 bytes: what file systems and databases around us also keep to.
    package static let byteCountMax = 255

    /// Refuses `name` under the name of the request's field that held it.
    package static func check(_ name: String, field: String) throws(CatalogError) {
        func refused(_ problem: String) -> CatalogError {
            CatalogError(.invalid, field: field, problem)
        }
        guard !name.isEmpty else { throw refused("is empty; give a name") }
        guard name.utf8.count <= byteCountMax else {
            throw refused("is \(name.utf8.count) bytes long; use at most \(byteCountMax)")
        }
        for scalar in name.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator:
                throw refused(
                    "holds the control character U+\(String(scalar.value, radix: 16)); remove it")
            default: break
            }
        }
        guard !name.contains("/") else {
            throw refused("holds a slash, which URLs are split at; use another sign")
        }
        guard name != ".", name != ".." else {
            throw refused("is \"\(name)\", which URLs drop; use another name")
        }
        guard name.first?.isWhitespace == false, name.last?.isWhitespace == false else {
            throw refused("begins or ends with a space; remove it")
        }
    }

    /// `name` as one component of a URL's path: all but the unreserved characters of RFC 3986 are
    /// written as `%` and two digits.
    package static func pathComponent(_ name: String) -> String {
        var text = ""
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                text += "%" + byte.hexDigits.uppercased()
            }
        }
        return text
    }
}

/// The topic that holds a pipeline's records.
package struct PipelineTopic: Hashable, Sendable {
    package let workspaceID: WorkspaceID
    package let pipelineName: String

    package init(workspaceID: WorkspaceID, pipelineName: String) {
        self.workspaceID = workspaceID
        self.pipelineName = pipelineName
    }

    /// As `workspace-7-pipeline-fraud-inference`.
    package var name: String {
        "workspace-\(workspaceID)-pipeline-\(pipelineName)-inference"
    }
}
