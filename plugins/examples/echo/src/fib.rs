//! The Fibonacci numbers in the slowest way: what others measure their task queues with.

use heddle_sdk::prelude::*;

/// Computes a Fibonacci number by its definition, in exponential time.
pub struct Fib;

/// Which one.
#[derive(Deserialize, JsonSchema)]
pub struct Which {
    /// From 0; above 40 it takes more than a second.
    #[schemars(range(max = 50))]
    n: u64,
}

/// The number.
#[derive(Serialize, JsonSchema)]
pub struct Number {
    /// F(n), with F(0) = 0 and F(1) = 1.
    value: u64,
}

fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

impl Phase for Fib {
    const NAME: &'static str = "fib";
    type Input = Which;
    type Output = Number;
    type Config = serde_json::Value;

    fn info() -> PhaseInfo {
        PhaseInfo::new("Fibonacci", "Computes a Fibonacci number by its definition, in exponential time.")
    }

    fn execute(_: &mut Context<serde_json::Value>, input: Which) -> PhaseResult<Number> {
        done(Number { value: fib(input.n) })
    }
}

#[cfg(test)]
mod tests {
    use heddle_sdk::testing::Harness;
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_the_sum_of_the_two_before() {
        let number = |n: u64| Harness::<Fib>::new().run(json!({ "n": n })).output()["value"].clone();
        assert_eq!([0, 1, 2, 10].map(number), [0, 1, 1, 55].map(|n: u64| json!(n)));
    }
}
