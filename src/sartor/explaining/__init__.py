"""Why a conclusion is what it is: wording, contributions, counterfactuals; pure."""
