// Which refusals are of a name that stands for nothing: where a part of the log is not seen, it may stand for
// something there, and whoever tells the refusal says so beside it (`StoreView.unseenRemark`).

import Alerts
import Assays
import Catalog

extension Error {
    /// Whether it is the refusal of a name that stands for nothing; not of one that stood for what was let go.
    package var isOfUnknownName: Bool {
        switch self {
        case let error as StoreRefusal: error.kind == .unknown
        case let error as CatalogError: error.kind == .unknown
        case let error as AlertError:
            switch error {
            case .unknownWebhook: true
            case .tooManyWebhooks: false
            }
        case let error as AssayError:
            switch error {
            case .unknownAssay, .unknownUUID: true
            case .duplicateName, .duplicateSeriesName: false
            }
        default: false
        }
    }
}
