//! The table of a benchmark run, for people and for programs.

use serde_json::{Value, json};

/// One measurement beside its floor.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// The unit of both numbers.
    pub unit: &'static str,
    /// The card's number.
    pub card: f64,
    /// The floor's number, in the same run.
    pub floor: f64,
    /// What the floor is.
    pub floor_is: &'static str,
    /// The ratio card / floor that is aimed at, where there is such a goal.
    pub goal: Option<Goal>,
}

/// What a ratio should be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

impl Row {
    /// card / floor.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.card / self.floor
    }

    fn verdict(&self) -> String {
        let ratio = self.ratio();
        match self.goal {
            None => String::new(),
            Some(Goal::AtMost(goal)) => format!(
                "{} (≤ {goal})",
                if ratio <= goal { "met" } else { "missed" }
            ),
            Some(Goal::AtLeast(goal)) => format!(
                "{} (≥ {goal})",
                if ratio >= goal { "met" } else { "missed" }
            ),
        }
    }

    fn json(&self) -> Value {
        let goal = match self.goal {
            None => Value::Null,
            Some(Goal::AtMost(goal)) => json!({ "at_most": goal }),
            Some(Goal::AtLeast(goal)) => json!({ "at_least": goal }),
        };
        json!({
            "name": self.name, "unit": self.unit, "card": self.card, "floor": self.floor,
            "floor_is": self.floor_is, "ratio": self.ratio(), "goal": goal,
        })
    }
}

/// The table for people.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut out = format!(
        "{:<44} {:>10} {:>10} {:<6} {:>6}  {}\n",
        "", "card", "floor", "", "ratio", "goal"
    );
    for row in rows {
        let (card, floor, ratio) = (number(row.card), number(row.floor), row.ratio());
        out += &format!(
            "{:<44} {card:>10} {floor:>10} {:<6} {ratio:>6.2}  {}\n",
            row.name,
            row.unit,
            row.verdict()
        );
    }
    let mut floors: Vec<&str> = Vec::new();
    for row in rows {
        if !floors.contains(&row.floor_is) {
            floors.push(row.floor_is);
        }
    }
    out + "floors: " + &floors.join("; ") + "\n"
}

/// The same as JSON.
#[must_use]
pub fn json(rows: &[Row]) -> Value {
    Value::Array(rows.iter().map(Row::json).collect())
}

fn number(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_says_so() {
        let row = |card, goal| Row {
            name: "x".into(),
            unit: "µs",
            card,
            floor: 10.0,
            floor_is: "y",
            goal: Some(goal),
        };
        assert!(table(&[row(12.0, Goal::AtMost(1.15))]).contains("missed"));
        assert!(table(&[row(11.0, Goal::AtMost(1.15))]).contains("met"));
        assert!(table(&[row(8.0, Goal::AtLeast(0.85))]).contains("missed"));
    }
}
