//! What AWS charges for a function in tenant isolation mode, and what some usage of it costs.
//!
//! The prices are those of us-east-1 without free tier, savings plans and volume discounts, as
//! <https://aws.amazon.com/lambda/pricing/> had them in November 2025, when tenant isolation was
//! announced.

use std::str::FromStr;

use thiserror::Error;

use crate::lambda::function::Architecture;

/// Prices in US dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prices {
    /// Of one request.
    pub(crate) request: f64,
    /// Of one GB of memory for one second.
    pub(crate) gb_second: f64,
    /// Of an environment that is created for a tenant, for each GB of memory; `None` if it isn't known.
    /// AWS's example has the price on `x86_64`. No text of AWS's that can be cited has that on `arm64`.
    pub(crate) environment_gb: Option<f64>,
}

const X86_64: Prices = Prices {
    request: 0.20 / 1_000_000.0,
    gb_second: 0.000_016_666_7,
    environment_gb: Some(0.000_167),
};

const ARM64: Prices =
    Prices { request: 0.20 / 1_000_000.0, gb_second: 0.000_013_333_4, environment_gb: None };

/// What is used of what AWS charges for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// How many requests: invocations, failed ones too.
    pub(crate) requests: f64,
    /// For how many milliseconds they are billed, init included.
    pub(crate) billed_ms: f64,
    /// How many environments were created.
    pub(crate) environments: f64,
}

/// What some usage costs, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// The requests.
    pub(crate) requests: f64,
    /// The GB-seconds that it has: no price, but what `duration` is the price of.
    pub(crate) gb_seconds: f64,
    /// The GB-seconds' price.
    pub(crate) duration: f64,
    /// The environments: the price of isolation.
    pub(crate) isolation: f64,
}

/// Usage with its cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PricedUsage {
    /// What was used.
    pub(crate) usage: Usage,
    /// What it costs.
    pub(crate) cost: Cost,
}

/// A price that the user gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Price {
    /// Of one request.
    Request(f64),
    /// Of one GB-second.
    GbSecond(f64),
    /// Of an environment, for each GB.
    EnvironmentGb(f64),
}

/// The text is no [`Price`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected request=USD, gb-second=USD or environment-gb=USD")]
pub(crate) struct PriceSyntaxError;

impl FromStr for Price {
    type Err = PriceSyntaxError;

    fn from_str(text: &str) -> Result<Self, PriceSyntaxError> {
        let (name, price) = text.split_once('=').ok_or(PriceSyntaxError)?;
        let price: f64 = price.parse().map_err(|_| PriceSyntaxError)?;
        match name {
            _ if !price.is_finite() || price < 0.0 => Err(PriceSyntaxError),
            "request" => Ok(Self::Request(price)),
            "gb-second" => Ok(Self::GbSecond(price)),
            "environment-gb" => Ok(Self::EnvironmentGb(price)),
            _ => Err(PriceSyntaxError),
        }
    }
}

/// The price of environments on this architecture isn't known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the price of a tenant's environment on {} isn't known", .0.as_str())]
pub(crate) struct UnknownPrice(pub(crate) Architecture);

impl Prices {
    /// AWS's prices, except for those that the user gives.
    #[must_use]
    pub(crate) fn new(architecture: Architecture, given: &[Price]) -> Self {
        let mut prices = match architecture {
            Architecture::X86_64 => X86_64,
            Architecture::Arm64 => ARM64,
        };
        for price in given {
            match *price {
                Price::Request(price) => prices.request = price,
                Price::GbSecond(price) => prices.gb_second = price,
                Price::EnvironmentGb(price) => prices.environment_gb = Some(price),
            }
        }
        prices
    }

    /// What some usage costs with so much memory, at this price of an environment for each GB.
    #[must_use]
    pub(crate) fn cost(&self, environment_gb: f64, usage: &Usage, memory_mb: u32) -> Cost {
        let gb = f64::from(memory_mb) / 1_024.0;
        let gb_seconds = usage.billed_ms / 1_000.0 * gb;
        Cost {
            requests: usage.requests * self.request,
            gb_seconds,
            duration: gb_seconds * self.gb_second,
            isolation: usage.environments * gb * environment_gb,
        }
    }
}

impl Cost {
    /// Everything together.
    #[must_use]
    pub(crate) fn total(&self) -> f64 {
        self.requests + self.duration + self.isolation
    }
}

impl Usage {
    /// This usage and another one together.
    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            billed_ms: self.billed_ms + other.billed_ms,
            environments: self.environments + other.environments,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Price, Prices, Usage};
    use crate::lambda::function::Architecture;

    /// The example of AWS's page: 10 million requests of 2 s at 1 GB, in 200,000 environments.
    #[test]
    fn the_example_of_aws_costs_what_aws_says() {
        let prices = Prices::new(Architecture::X86_64, &[]);
        let usage = Usage { requests: 1e7, billed_ms: 2e10, environments: 200_000.0 };
        let cost = prices.cost(prices.environment_gb.unwrap(), &usage, 1_024);
        assert!((cost.requests - 2.0).abs() < 0.005);
        assert!((cost.duration - 333.34).abs() < 0.01);
        assert!((cost.isolation - 33.4).abs() < 0.005);
        assert!((cost.total() - 368.74).abs() < 0.01);
    }

    #[test]
    fn a_price_that_is_not_known_is_given_or_none() {
        assert_eq!(Prices::new(Architecture::Arm64, &[]).environment_gb, None);
        let given = Prices::new(Architecture::Arm64, &["environment-gb=0.1".parse().unwrap()]);
        assert_eq!(given.environment_gb, Some(0.1));
        assert_eq!("request=1e-7".parse(), Ok(Price::Request(1e-7)));
        for wrong in ["", "request", "request=", "request=-1", "request=NaN", "x=1"] {
            assert!(wrong.parse::<Price>().is_err(), "{wrong}");
        }
    }
}
