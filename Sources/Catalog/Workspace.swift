// Where models and pipelines live, and the models themselves, as the control events tell them.
//
// A model is a name in a workspace; each upload under that name is a version of it, with a number
// and a UUID of its own. What an engine must know to load a version (framework, requirements) is
// kept as it was posted, because clients of later years post more of it.
//
// Invariants:
//  * Versions of one model share `modelID`, `name` and `workspaceID`.
//  * A model version's bytes are named by their SHA-256; the catalogue holds no bytes.

import JSON
import Records

/// A name that pipelines and models are told apart by.
package struct Workspace: Hashable, Sendable {
    package let id: WorkspaceID
    package let name: String
    /// The user's id, or an address, as the caller knows them.
    package let createdBy: String
    package let createdAt: Timestamp

    package init(id: WorkspaceID, name: String, createdBy: String, createdAt: Timestamp) {
        self.id = id
        self.name = name
        self.createdBy = createdBy
        self.createdAt = createdAt
    }
}

/// Whether other workspaces may see a model.
package enum Visibility: String, Hashable, Sendable, CaseIterable {
    case `public`
    case `private`
}

/// How far a model version is on its way to answering, in the contract's words. A model that does not load is refused
/// when it is uploaded, so there is none of the contract's others.
package enum ModelStatus: String, Hashable, Sendable, CaseIterable {
    case ready
}

/// One upload of a model.
package struct ModelVersion: Hashable, Sendable {
    package let id: ModelVersionID
    package let modelID: ModelID
    package let workspaceID: WorkspaceID
    /// The model's name, shared by its versions.
    package let name: String
    /// The version's UUID.
    package let version: String
    package let contents: ModelContents
    package let status: ModelStatus
    package let createdBy: String
    package let createdAt: Timestamp

    package init(
        id: ModelVersionID, modelID: ModelID, workspaceID: WorkspaceID, name: String,
        version: String, contents: ModelContents, status: ModelStatus, createdBy: String,
        createdAt: Timestamp
    ) {
        self.id = id
        self.modelID = modelID
        self.workspaceID = workspaceID
        self.name = name
        self.version = version
        self.contents = contents
        self.status = status
        self.createdBy = createdBy
        self.createdAt = createdAt
    }
}

/// What was uploaded, and what is known of it.
package struct ModelContents: Hashable, Sendable {
    /// 64 lower-case hexadecimal digits: the SHA-256 of the file.
    package var sha256: String
    /// As the upload called it, else the model's name; the file is kept under its hash.
    package var fileName: String
    package var byteCount: Int
    /// As `onnx`.
    package var framework: String
    package var visibility: Visibility
    /// The upload's `conversion` as posted; null where none was.
    package var conversion: JSONValue
    /// What the model takes and gives, as its engine reads it; null until it has.
    package var inputSignature: JSONValue
    /// The same of what it gives; its float32 outputs make float32 fields of a pipeline's records.
    package var outputSignature: JSONValue

    package init(
        sha256: String, fileName: String, byteCount: Int, framework: String,
        visibility: Visibility = .private, conversion: JSONValue = .null,
        inputSignature: JSONValue = .null, outputSignature: JSONValue = .null
    ) {
        self.sha256 = sha256
        self.fileName = fileName
        self.byteCount = byteCount
        self.framework = framework
        self.visibility = visibility
        self.conversion = conversion
        self.inputSignature = inputSignature
        self.outputSignature = outputSignature
    }
}

extension ModelVersion {
    /// The fields that its float32 outputs are logged as.
    var float32Outputs: [String] {
        guard case .array(let outputs) = contents.outputSignature else { return [] }
        return outputs.compactMap { output in
            guard case .object(let members) = output, members["type"] == .string("float32"),
                case .string(let name)? = members["name"]
            else { return nil }
            return "out." + name
        }
    }
}
