"""The first screen: what to do, how sure that is, the key figures, what to measure next."""

from __future__ import annotations

from groundsill.assess.assessment import Measurement, Result, ValueView
from groundsill.report.blocks import Block, Notice, Table, Text, Tone
from groundsill.report.parts.decide import answer, study_name
from groundsill.report.view import View

TONES: dict[str, Tone] = {"invest": "good", "measure": "warn", "do_not_invest": "bad", "cannot_say": "mute"}


def blocks(view: View) -> list[Block]:
    """Verdict, key figures, next measurement, what was asked."""
    code = view.assessment.verdict.code
    title = view.tongue.say("verdict_title", name=view.tongue.say(f"verdict_name_{code}"))
    found: list[Block] = [Notice(TONES[code], title, sentence(view), "verdict")]
    focus = view.focus()
    if focus:
        found.append(_figures(view, *focus))
    following = next_sentence(view, view.assessment.verdict.next)
    found.append(Notice("", view.tongue.say("next_title"), following))
    found.append(Text(_asked(view), "fine"))
    return found


def sentence(view: View) -> str:
    """The verdict in one sentence, with its confidence."""
    a, v, t = view.assessment, view.assessment.verdict, view.tongue
    text = t.say(
        f"verdict_{v.code}" + ("" if v.candidate is not None or v.code in ("do_not_invest", "cannot_say") else "_any"),
        candidate=view.names.candidate(v.candidate),
        choice=_with_choice(view),
        confidence=t.percent(v.confidence),
        asked=t.percent(a.confidence),
        p_target=t.percent(v.p_target),
        metric=view.names.metric(a.metric),
        target=t.quality(a.target),
        months=t.number(a.months),
        npv=t.cash(v.npv),
    )
    if v.runner_up is None or v.code == "cannot_say":
        return text
    return text + t.say("verdict_runner_up", candidate=view.names.candidate(v.runner_up))


def _with_choice(view: View) -> str:
    choice = view.assessment.verdict.choice
    return view.tongue.say("with_choice", choice=view.names.choice(choice)) if choice else ""


def next_sentence(view: View, following: Measurement | None) -> str:
    """What to measure next, how, and the most that it may cost."""
    t = view.tongue
    if following is None:
        return t.say("next_none", worth=t.money(view.assessment.verdict.perfect_information))
    what, worth = view.names.input(following.what), t.money(following.worth)
    study = following.study
    if study is not None:
        told = t.say("next_study", study=study_name(view, study))
        return told + t.say("gap") + answer(view, study)
    how = t.word(following.how, "", what=what, input=what, worth=worth, candidate=what, currency=t.currency)
    text = t.say("next", what=what, worth=worth)
    return text + t.say("gap") + how if how else text


def _figures(view: View, result: Result, value: ValueView) -> Table:
    t, a = view.tongue, view.assessment
    about = view.names.candidate(result.candidate)
    npv, trough, back = value.npv, value.trough, value.payback_months
    rows = [
        (
            t.say("figure_target", metric=view.names.metric(a.metric), target=t.quality(a.target)),
            t.percent(result.p_target),
            t.say("figure_target_note", quality=t.interval(result.quality, t.quality)) if result.quality else "",
        ),
        (t.say("figure_pays"), t.percent(value.p_positive), t.say("figure_pays_note", asked=t.percent(a.confidence))),
        (
            t.say("figure_npv"),
            t.money(npv.median),
            t.say("range90", span=t.span(t.number(npv.low), t.number(npv.high))),
        ),
        (
            t.say("figure_trough"),
            t.money(trough.median),
            t.say("range90", span=t.span(t.number(trough.low), t.number(trough.high))),
        ),
        (
            t.say("figure_payback"),
            t.months(back.median) if back else t.say("never"),
            t.say(
                "figure_payback_note",
                share=t.percent(value.p_payback),
                low=t.rough(back.low),
                high=t.rough(back.high),
            )
            if back
            else "",
        ),
        (
            t.say("figure_irr"),
            t.rate(value.irr.median) if value.irr else t.say("none_found"),
            t.say("figure_irr_note", share=t.percent(value.p_irr)) if value.irr else "",
        ),
    ]
    columns = (t.say("column_figure"), t.say("column_value"), t.say("column_note"))
    return Table(t.say("figures_caption", candidate=about), columns, tuple(rows), look="figures")


def _asked(view: View) -> str:
    a, t = view.assessment, view.tongue
    return t.say(
        "asked",
        metric=view.names.metric(a.metric),
        target=t.quality(a.target),
        confidence=t.percent(a.confidence),
        months=t.number(a.months),
        draws=f"{a.draws:,}",
        seed=a.seed,
    )
