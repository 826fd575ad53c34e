//! A worker's report, decoded: the output file is read, what is large becomes a blob, conditions that only the
//! coordinator can see are decided. Nothing of it depends on when it is done, so a report that is sent again decodes to
//! the same outcome.

use pintle_core::ids::Digest;
use pintle_core::limits::MAX_INLINE;
use pintle_core::matching::holds_expected;
use pintle_core::plan::{Action, Check, Json, Output, Step, StepIndex};
use pintle_core::run::Outcome;
use pintle_core::run::command::{FailReason, Failed, Finished, Question};
use pintle_plane::worker::Settled;
use pintle_spec::assignment::{ResolvedCondition, repeat_condition, resolve_prompt};
use pintle_spec::check_output;
use pintle_spec::eval::StepValues;
use pintle_store::{Channel, LogName, Store};

use crate::error::Error;
use crate::live::Live;
use crate::service::Coordinator;

/// Marks a blob where a variable's text would stand: no environment variable can hold a NUL.
const BLOB_VARIABLE: &str = "\0blob:";
/// Key of a blob where an output's JSON would stand.
const BLOB_KEY: &str = "$blob";
/// So much of each log is looked at for `continue_on.output`, in bytes.
const MATCHED_LOG: usize = 1 << 20;

impl Coordinator {
    /// The outcome as the core wants it.
    pub(crate) async fn decode(&self, live: &mut Live, settled: &Settled) -> Result<Outcome, Error> {
        let plan = live.run.plan.clone();
        let Some(step) = plan.step(settled.claim.step) else { return Ok(settled.outcome.clone()) };
        let outcome = match settled.outcome.clone() {
            Outcome::Finished(done) => match &step.action {
                Action::Fan(_) => self.expand(live, settled.claim.step).await?,
                Action::Task(_) => self.ask(live, settled.claim.step).await,
                Action::Route(_) => self.route(live, settled.claim.step, step, done).await?,
                Action::Wait(_) => self.pause(live, settled.claim.step, done).await,
                Action::Run { .. } | Action::Call { .. } => {
                    self.decode_finished(live, settled.claim.step, step, done).await?
                }
            },
            Outcome::Failed(_)
            | Outcome::Skipped { .. }
            | Outcome::Stopped { .. }
            | Outcome::Expanded(_)
            | Outcome::Gathered(_)
            | Outcome::Asked { .. }
            | Outcome::Later(_)
            | Outcome::GivenBack => settled.outcome.clone(),
        };
        self.match_output(step, settled, outcome).await
    }

    pub(crate) async fn decode_finished(
        &self,
        live: &mut Live,
        index: StepIndex,
        step: &Step,
        mut done: Finished,
    ) -> Result<Outcome, Error> {
        if done.exit_code.unwrap_or(0) == 0 && !step.outputs.is_empty() {
            let file = done.output_file.take().unwrap_or_default();
            match pintle_spec::output_file::parse_output_file(file.as_bytes(), &step.outputs) {
                Ok(outputs) => done.outputs.extend(outputs),
                Err(faults) => {
                    let message = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                    return Ok(failed(FailReason::BadOutput, message, done.exit_code));
                }
            }
        }
        if let Some(schema) = step.output_schema.as_ref().filter(|_| done.exit_code.unwrap_or(0) == 0) {
            match check_output(schema, done.stdout.as_deref().unwrap_or_default()) {
                Ok(outputs) if names_none(step) => {
                    done.outputs.retain(|(name, _)| !outputs.iter().any(|(own, _)| own == name));
                    done.outputs.extend(outputs);
                }
                Ok(_) => {}
                Err(fault) => return Ok(failed(FailReason::BadOutput, fault.to_string(), done.exit_code)),
            }
        }
        if step.output.as_ref().and_then(Output::variable).is_none() {
            done.stdout = None;
        }
        // A repetition's condition may look at what the step itself has just said, and so may what a person is asked.
        let own = StepValues {
            exit_code: done.exit_code,
            variable: done.stdout.as_deref().map(|text| text.trim().to_owned()),
            outputs: done.outputs.clone(),
            ..StepValues::default()
        };
        if done.repeat_condition.is_none() {
            done.repeat_condition = self.repeat_by_value(live, index, step, own.clone()).await;
        }
        if step.approval.is_some() {
            match self.prompt_after(live, index, own).await {
                Ok(prompt) => done.question = Some(Box::new(Question { prompt })),
                Err(message) => return Ok(failed(FailReason::BadOutput, message, done.exit_code)),
            }
        }
        done.output_file = None;
        for (_, value) in &mut done.outputs {
            inline_output(&*self.store, value).await?;
        }
        inline_text(&*self.store, &mut done.stdout).await?;
        Ok(Outcome::Finished(done))
    }

    /// What a task asks: it does nothing else.
    async fn ask(&self, live: &mut Live, index: StepIndex) -> Outcome {
        let plan = live.run.plan.clone();
        let prompt = match self.scope(live, &plan, index).await {
            Ok(scope) => resolve_prompt(&plan, index, &scope).map_err(|error| error.to_string()),
            Err(reason) => Err(reason),
        };
        match prompt {
            Ok(prompt) => Outcome::Asked { prompt },
            Err(message) => failed(FailReason::Refused, message, None),
        }
    }

    /// What a person is asked about what a step has just done.
    pub(crate) async fn prompt_after(
        &self,
        live: &mut Live,
        index: StepIndex,
        own: StepValues,
    ) -> Result<String, String> {
        let plan = live.run.plan.clone();
        live.values.results.insert(index, own);
        let scope = self.scope(live, &plan, index).await?;
        resolve_prompt(&plan, index, &scope).map_err(|error| error.to_string())
    }

    /// A repeat condition that needs no program.
    async fn repeat_by_value(
        &self,
        live: &mut Live,
        index: StepIndex,
        step: &Step,
        own: StepValues,
    ) -> Option<Result<bool, String>> {
        let Check::Value { .. } = step.repeat.as_ref()?.condition.as_ref()? else { return None };
        let plan = live.run.plan.clone();
        live.values.results.insert(index, own);
        let scope = match self.scope(live, &plan, index).await {
            Ok(scope) => scope,
            Err(reason) => return Some(Err(reason)),
        };
        match repeat_condition(&plan, index, &scope) {
            Ok(Some(ResolvedCondition::Known { met, .. })) => Some(met),
            Ok(Some(ResolvedCondition::Probe(_)) | None) => None,
            Err(error) => Some(Err(error.to_string())),
        }
    }

    /// `continue_on.output`: looked for in the logs of a try that failed.
    async fn match_output(&self, step: &Step, settled: &Settled, mut outcome: Outcome) -> Result<Outcome, Error> {
        let wanted = &step.continue_on.output;
        let matched = match &mut outcome {
            Outcome::Failed(failed) => &mut failed.output_matched,
            Outcome::Finished(done) if done.exit_code.unwrap_or(0) != 0 => &mut done.output_matched,
            Outcome::Finished(_)
            | Outcome::Skipped { .. }
            | Outcome::Stopped { .. }
            | Outcome::Expanded(_)
            | Outcome::Gathered(_)
            | Outcome::Asked { .. }
            | Outcome::Later(_)
            | Outcome::GivenBack => return Ok(outcome),
        };
        for channel in Channel::ALL {
            if wanted.is_empty() || *matched {
                break;
            }
            let claim = &settled.claim;
            let name = LogName { run: claim.run.clone(), step: claim.step, fence: claim.fence, channel };
            let log = self.store.read_log(&name, 0, MATCHED_LOG).await?;
            let text = String::from_utf8_lossy(&log);
            *matched = wanted.iter().any(|wanted| holds_expected(&text, wanted).unwrap_or(false));
        }
        Ok(outcome)
    }

    /// A variable as it was before it may have become a blob.
    pub(crate) async fn unblob_variable(&self, text: &str) -> Result<String, Error> {
        match text.strip_prefix(BLOB_VARIABLE).and_then(|digest| Digest::new(digest).ok()) {
            Some(digest) => self.read_whole(&digest).await,
            None => Ok(text.to_owned()),
        }
    }

    /// An output as it was before it may have become a blob.
    pub(crate) async fn unblob_output(&self, json: &Json) -> Result<Json, Error> {
        if !json.0.starts_with("{\"$blob\"") {
            return Ok(json.clone());
        }
        let digest = serde_json::from_str::<serde_json::Value>(&json.0)
            .ok()
            .and_then(|value| Digest::new(value.get(BLOB_KEY)?.as_str()?).ok());
        match digest {
            Some(digest) => Ok(Json(self.read_whole(&digest).await?)),
            None => Ok(json.clone()),
        }
    }

    async fn read_whole(&self, digest: &Digest) -> Result<String, Error> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.store.read_blob(digest, bytes.len() as u64, MATCHED_LOG).await? {
            if chunk.is_empty() {
                break;
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The author names no outputs one by one.
fn names_none(step: &Step) -> bool {
    step.published.is_empty() && step.output.as_ref().is_none_or(|output| output.fields().is_empty())
}

/// A large value becomes a blob.
pub(crate) async fn inline_output(store: &dyn Store, value: &mut Json) -> Result<(), Error> {
    if value.0.len() > MAX_INLINE {
        let digest = store.put_blob(std::mem::take(&mut value.0).into_bytes()).await?;
        *value = Json(serde_json::json!({ BLOB_KEY: digest.as_str() }).to_string());
    }
    Ok(())
}

/// A large text becomes a blob.
pub(crate) async fn inline_text(store: &dyn Store, text: &mut Option<String>) -> Result<(), Error> {
    if let Some(text) = text.as_mut().filter(|text| text.len() > MAX_INLINE) {
        let digest = store.put_blob(text.trim().as_bytes().to_vec()).await?;
        *text = format!("{BLOB_VARIABLE}{digest}");
    }
    Ok(())
}

pub(crate) fn failed(reason: FailReason, message: String, exit_code: Option<i32>) -> Outcome {
    Outcome::Failed(Failed { reason, message, exit_code, retry_after: None, output_matched: false })
}
