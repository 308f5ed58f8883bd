//! A node's parameters as the stage's own type.

use serde::de::DeserializeOwned;

use super::NodeSpec;
use super::de::read_table;
use super::error::SpecError;
use super::fault::Owner;
use super::source_map::Span;
use super::value::{Spanned, Value};

impl NodeSpec {
    /// Reads the parameters into the stage's type.
    ///
    /// # Errors
    /// An unknown parameter (with the likely one and the list of all), a missing one, a value of the wrong type or an
    /// unknown word of an enum, at the place where it was written: `pipeline.toml`, the profile or a `--set`.
    /// Unknown keys are refused whether or not the type has `deny_unknown_fields`; types with `serde(flatten)` must
    /// refuse them themselves.
    pub fn params<T: DeserializeOwned>(&self) -> Result<T, SpecError> {
        let owner = Owner {
            name: format!("node `{}` (stage `{}`)", self.name, self.stage.value),
            noun: "parameter",
        };
        read_table(&self.params, &self.name_span, &owner)
    }

    /// Dotted paths of the parameters that were written, in order: `C`, `errors.source`.
    pub fn param_paths(&self) -> Vec<String> {
        self.params.paths()
    }

    /// A parameter as written, by dotted path.
    pub fn param(&self, path: &str) -> Option<&Spanned<Value>> {
        self.params.get(path)
    }

    /// The place of a parameter, or of the node's name when it was not written: for errors about values.
    pub fn param_span(&self, path: &str) -> Span {
        let span = self.param(path).map(|value| value.span.clone());
        span.unwrap_or_else(|| self.name_span.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::spec::{Ordered, SourceMap, syntax};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Deserialize, Serialize, PartialEq)]
    struct Train {
        #[serde(rename = "C")]
        cost: f64,
        #[serde(default)]
        max_stars: Option<usize>,
        #[serde(default)]
        loss: Loss,
        #[serde(default)]
        cuts: Vec<Spanned<String>>,
        #[serde(default)]
        errors: Errors,
        #[serde(default)]
        pair: Option<(f64, f64)>,
        #[serde(default)]
        kernel: Option<Kernel>,
        #[serde(default)]
        narrow: f32,
    }

    #[derive(Debug, Default, Deserialize, Serialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Loss {
        #[default]
        Linear,
        SoftL1,
        Huber {
            delta: f64,
        },
        Power(f64),
    }

    #[derive(Debug, Default, Deserialize, Serialize, PartialEq)]
    struct Errors {
        source: String,
        #[serde(default)]
        floor: f64,
    }

    #[derive(Debug, Deserialize, Serialize, PartialEq)]
    #[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
    enum Kernel {
        Rbf { gamma: f64 },
    }

    fn node(text: &str) -> (NodeSpec, SourceMap) {
        let (mut map, mut errors) = (SourceMap::default(), Vec::new());
        map.add("before.toml", "x = 1");
        let params = syntax::read_document(&mut map, "p.toml", text, &mut errors);
        assert!(errors.is_empty(), "{errors:?}");
        let node = NodeSpec {
            name: "slam_ap".into(),
            name_span: 4..5,
            stage: Spanned::new("train".into(), 4..5),
            inputs: Ordered::new(),
            section: "§3.2".into(),
            about: None,
            params: params.unwrap(),
        };
        (node, map)
    }

    fn fails(text: &str) -> String {
        let (node, map) = node(text);
        node.params::<Train>().unwrap_err().render(&map).to_string()
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let (node, _) = node(
            "C = 1\nmax_stars = 10\nloss = \"soft_l1\"\ncuts = [\"a > 1\"]\npair = [1, 2.5]\nkernel = { kind = \"rbf\", gamma = 0.1 }\n[errors]\nsource = \"x\"\n",
        );
        let train: Train = node.params().unwrap();
        assert_eq!(train.cost, 1.0);
        assert_eq!(train.max_stars, Some(10));
        assert_eq!(train.loss, Loss::SoftL1);
        assert_eq!(train.pair, Some((1.0, 2.5)));
        assert_eq!(train.kernel, Some(Kernel::Rbf { gamma: 0.1 }));
        assert_eq!(train.errors.source, "x");
        assert_eq!(train.cuts[0].value, "a > 1");
        assert_eq!(
            train.cuts[0].span,
            node.param("cuts").unwrap().span.start + 1..node.param("cuts").unwrap().span.end - 1
        );
        assert_eq!(node.param_paths().last().unwrap(), "errors.source");
        assert_eq!(node.param_span("loss").len(), 9);
        assert_eq!(node.param_span("absent"), 4..5);
    }

    #[test]
    fn enums_take_a_content() {
        let loss =
            |text: &str| node(&format!("C = 1\nloss = {text}")).0.params::<Train>().unwrap().loss;
        assert_eq!(loss("{ huber = { delta = 2 } }"), Loss::Huber { delta: 2.0 });
        assert_eq!(loss("{ power = 1.5 }"), Loss::Power(1.5));
        assert!(fails("C = 1\nloss = \"power\"").contains("`power` needs a content"));
        assert!(fails("C = 1\nloss = { linear = 1 }").contains("`linear` takes no content"));
        let text = fails("C = 1\nloss = { huber = { dleta = 2 } }");
        assert!(
            text.starts_with("p.toml:2:20: unknown parameter `dleta` in `loss.huber`"),
            "{text}"
        );
    }

    #[test]
    fn a_place_changes_no_serialised_value() {
        let (a, _) = node("C = 1\ncuts = [\"x\"]");
        let (b, _) = node("# moved\n\ncuts = [\n  \"x\"]\nC = 1.0");
        let json = |n: &NodeSpec| serde_json::to_string(&n.params::<Train>().unwrap()).unwrap();
        assert_eq!(json(&a), json(&b));
        assert!(json(&a).contains(r#""cuts":["x"]"#));
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let of = "node `slam_ap` (stage `train`)";
        let cases = [
            (
                "C = 1\nmax_star = 1",
                format!(
                    "p.toml:2:1: unknown parameter `max_star` in {of}\n  hint: did you mean `max_stars`? accepted: `C`, `max_stars`, `loss`"
                ),
            ),
            (
                "Q = 1\nZ = 2",
                format!("p.toml:1:1: unknown parameters `Q`, `Z` in {of}\n  p.toml:2:1: "),
            ),
            (
                "C = \"abc\"",
                format!("p.toml:1:5: parameter `C` of {of}: expected a number, found text `abc`"),
            ),
            (
                "C = 1\nmax_stars = -3",
                format!(
                    "p.toml:2:13: parameter `max_stars` of {of}: expected a non-negative integer, found integer `-3`"
                ),
            ),
            (
                "C = 1\nmax_stars = 1.0",
                format!(
                    "p.toml:2:13: parameter `max_stars` of {of}: expected a non-negative integer, found number `1.0`"
                ),
            ),
            ("max_stars = 1", format!("before.toml:1:5: missing parameter `C` in {of}")),
            (
                "C = 1\nloss = \"soft_l2\"",
                format!(
                    "p.toml:2:8: parameter `loss` of {of}: unknown value `soft_l2`\n  hint: did you mean `soft_l1`? accepted: `linear`"
                ),
            ),
            (
                "C = 1\nloss = 3",
                format!(
                    "p.toml:2:8: parameter `loss` of {of}: expected text or a table of one key, found integer `3`"
                ),
            ),
            (
                "C = 1\nerrors = [\"x\", 1.0]",
                format!(
                    "p.toml:2:10: parameter `errors` of {of}: expected a table, found an array"
                ),
            ),
            (
                "C = 1\nerrors = { floor = 1 }",
                format!("p.toml:2:10: missing parameter `source` in `errors` of {of}"),
            ),
            (
                "C = 1\nerrors = { source = \"x\", flor = 1 }",
                format!("p.toml:2:26: unknown parameter `flor` in `errors` of {of}"),
            ),
            (
                "C = 1\npair = [1]",
                format!(
                    "p.toml:2:8: parameter `pair` of {of}: expected a tuple of size 2, found 1 of them"
                ),
            ),
            (
                "C = 1\npair = [1, 2, 3]",
                format!("p.toml:2:8: parameter `pair` of {of}: 1 values too many"),
            ),
            (
                "C = 1\ncuts = [\"a\", 3]",
                format!("p.toml:2:14: parameter `cuts` of {of}: expected text, found integer `3`"),
            ),
            (
                "C = 1\nkernel = { kind = \"rbf\", gama = 1 }",
                format!("p.toml:2:26: unknown parameter `gama` in `kernel` of {of}"),
            ),
            (
                "C = 1\nnarrow = 1e300",
                format!(
                    "p.toml:2:10: parameter `narrow` of {of}: expected a number, found number `1e300`"
                ),
            ),
        ];
        for (text, expected) in cases {
            let found = fails(text);
            assert!(
                found.starts_with(&expected),
                "{text:?}\n  found    {found}\n  expected {expected}"
            );
        }
    }
}
