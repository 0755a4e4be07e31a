//! Why the value of a part of a template isn't known here.

use thiserror::Error;

/// Why a value isn't known. Names are those in the template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum UnknownValue {
    /// A text is needed.
    #[error("this is no text")]
    NotText,
    /// Its value depends on itself, or it is too deep.
    #[error("this refers to itself")]
    Endless,
    /// `{{resolve:…}}`, which only AWS can look up.
    #[error("what a dynamic reference comes to is not known here")]
    DynamicReference,
    /// An intrinsic function that isn't evaluated.
    #[error("{name} is not known here")]
    Function {
        /// The function.
        name: String,
    },
    /// An intrinsic function whose argument has another form.
    #[error("{function} needs {needs}")]
    Form {
        /// The function.
        function: &'static str,
        /// What its argument has to be.
        needs: &'static str,
    },
    /// An intrinsic function that looks something up which isn't there.
    #[error("{function} finds nothing")]
    Nothing {
        /// The function.
        function: &'static str,
    },
    /// `Ref` of something whose value only AWS knows, or of nothing.
    #[error("the value of Ref {name} is not known here")]
    Reference {
        /// The resource or the parameter.
        name: String,
    },
    /// `Fn::GetAtt` likewise.
    #[error("the attribute {name} is not known here")]
    Attribute {
        /// `Resource.Attribute`.
        name: String,
    },
    /// A variable of `Fn::Sub` likewise.
    #[error("the value of ${{{name}}} is not known here")]
    Variable {
        /// What is between the braces.
        name: String,
    },
    /// A variable of `Fn::Sub` without its closing brace.
    #[error("a `${{` has no end")]
    UnendedVariable,
    /// A condition that isn't in the section `Conditions`.
    #[error("there is no condition `{name}`")]
    MissingCondition {
        /// The condition.
        name: String,
    },
    /// Something else where a condition is needed.
    #[error("this is no condition")]
    NotCondition,
}
