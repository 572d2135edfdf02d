#!/usr/bin/env python3
"""Writes the synthetic sample: tickets.json (a run's input) and small exports in the forms of other trackers.

Everything is invented: the product Tidewell, its customers, its staff and all texts. The generator is seeded, uses the
standard library alone and writes the same bytes each time. Run it in this folder: python3 generate.py
"""

import csv
import io
import json
import random
import sys
from datetime import date, datetime, timedelta, timezone

sys.dont_write_bytecode = True

from scenarios import ARTICLES, SCENARIOS

UTC = timezone.utc
# The whole period lies in summer time, so that one offset is enough.
LOCAL = timezone(timedelta(hours=2))
FIRST, LAST = date(2026, 3, 30), date(2026, 9, 27)
AS_OF = datetime(2026, 9, 28, 6, 0, tzinfo=UTC)
HOLIDAYS = [date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 1), date(2026, 5, 14), date(2026, 5, 25)]
RELEASES = [(date(2026, 3, 1), "5.1"), (date(2026, 4, 21), "5.2"), (date(2026, 7, 7), "5.3"), (date(2026, 9, 8), "5.4")]
EMERGING_FROM = date(2026, 9, 8)

TEAMS = [
    {"name": "Scheduling", "components": ["calendar", "calendar-sync", "online-booking", "import"], "skills": ["calendar", "sync", "booking", "import", "recurring"], "members": ["Amelie Brandt", "Jonas Okafor", "Priya Raman"], "capacity": 4},
    {"name": "Money", "components": ["invoicing", "payments", "subscription", "exports", "reports"], "skills": ["invoice", "payment", "voucher", "export", "report", "tax"], "members": ["Lena Vogt", "Mateo Ruiz"], "capacity": 4},
    {"name": "Platform", "components": ["api", "sign-in", "permissions", "privacy"], "skills": ["API", "webhook", "SSO", "security", "login"], "members": ["Tomasz Zielinski", "Sofia Lindqvist"], "capacity": 3},
    {"name": "Messaging and mobile", "components": ["notifications", "mobile-app"], "skills": ["SMS", "reminder", "mail", "Android", "iPhone"], "members": ["Noor Haddad", "Felix Aubert"], "capacity": 3},
]
SLA = {
    "time_zone": "Europe/Berlin",
    "business_hours": {
        "mon": [["09:00", "17:30"]], "tue": [["09:00", "17:30"]], "wed": [["09:00", "17:30"]], "thu": [["09:00", "17:30"]],
        "fri": [["09:00", "16:00"]],
    },
    "holidays": [day.isoformat() for day in HOLIDAYS],
    "enterprise": {"first_response_hours": 2, "resolution_hours": 16},
    "professional": {"first_response_hours": 4, "resolution_hours": 34},
    "starter": {"first_response_hours": 8.5, "resolution_hours": 68},
}
PEOPLE = ["Marta", "Ole", "Ines", "Kacper", "Yara", "Henrik", "Dilara", "Paula", "Sven", "Aurelie", "Nils", "Carla"]
FIRMS = [("praxis-am-hafen", "enterprise"), ("lindenhof-therapie", "enterprise"), ("studio-nordlicht", "professional"),
         ("haarwerk-koeln", "professional"), ("physio-plus", "professional"), ("yoga-am-kanal", "starter"),
         ("velo-werkstatt", "starter"), ("salon-mirabelle", "starter"), ("klinik-weststadt", "enterprise"),
         ("tattoo-anker", "starter"), ("hundeschule-ost", "starter"), ("kosmetik-juno", "professional"),
         ("osteo-kollektiv", "professional"), ("fahrschule-kurve", "starter"), ("zahnaerzte-mitte", "enterprise"),
         ("massage-elbe", "starter"), ("augenblick-optik", "professional"), ("musikschule-takt", "starter")]
SLOTS = {
    "browser": ["Chrome 139", "Firefox 141", "Safari 18.5", "Edge 138", "Chrome 141", "Firefox 128 ESR"],
    "device": ["Pixel 8", "iPhone 15", "Galaxy S24", "iPad Air", "Fairphone 5", "iPhone SE"],
    "city": ["Bremen", "Cologne", "Leipzig", "Graz", "Basel", "Aarhus", "Antwerp", "Rostock"],
    "service": ["physiotherapy session", "haircut", "bike inspection", "massage", "consultation", "root canal treatment",
                "driving lesson", "facial", "eye test", "violin lesson"],
    "time": ["07:30", "08:00", "09:15", "10:45", "13:00", "14:30", "16:15", "18:00"],
    "day": ["Monday", "Tuesday", "last Wednesday", "Thursday", "last Friday", "the weekend", "yesterday"],
    "since": ["on Monday", "yesterday", "last week", "three days ago", "this morning", "at the weekend"],
    "month": ["April", "May", "June", "July", "August"],
    "amount": ["25", "48.50", "60", "89", "120", "149.90"],
}
OPENERS = ["Hello,", "Hi there,", "Good morning,", "Dear support team,", "Hi,", "Hello Tidewell team,", "", "", "", ""]
CLOSERS = ["Thanks, {me}", "Best regards\n{me}", "Please let me know if you need more details.", "Many thanks in advance!",
           "I can send screenshots if that helps.", "Kind regards, {me}", "Could somebody call us?", "", "", "", "", ""]
# What people add to the report of a bug, by where it is.
EVERYWHERE = [
    "My colleague {person} sees the same.", "It started {since}, I think.", "We found no workaround.", "This is not urgent.",
    "A colleague from another company told me that they have it too.", "It happens sporadically, maybe once in {n} tries.",
    "All of our {n} branches are affected.", "Only the branch in {city} has the problem.", "I reported this {since} already and got no answer.",
    "It costs us about {n} hours a week.", "{person} and I tried it several times with the same result.",
]
BROWSER = [
    "We are on version {ver}.", "Browser: {browser}.", "We use {browser} on all computers at the reception.",
    "I already cleared the cache and signed in again.", "Restarting {browser} did not help.", "On {device} it is the same.",
    "It affects {n} employees here.",
]
CONTEXT = {
    "api": ["Our client is written in Python 3.12.", "We can reproduce it with curl.", "Request ids are available if you need them.",
            "Nothing was changed on our side.", "The sandbox behaves in the same way.", "Our integration runs on Node 22.4."],
    "mobile-app": ["App version {ver}.", "Reinstalling the app did not help.", "On {person}'s phone it works.", "The phone has enough free memory.",
                   "The app was updated {since}."],
    "notifications": ["The message log looks normal to me.", "Clients of all networks are affected, as far as we can tell.",
                      "We send about {n}0 messages a day.", "The sender name is set correctly."],
}
WISH = [
    "Our old software could do this.", "It would save {person} about {n} minutes a day.", "Is there a plan for this?",
    "We discussed it in the team and everybody would use it.", "For us this is the one thing that is missing.",
    "I know that others have asked for it as well.", "The branch in {city} asks for it every month.", "A simple solution would be enough for a start.",
]
ASK = [
    "I could not find it in the help centre.", "A link to the documentation would be enough.", "We are new to Tidewell.",
    "Sorry if this is a silly question.", "I looked under Settings and did not find it.", "{person} told me that it used to be somewhere else.",
    "We would need this before {month} is over, if possible.", "It concerns the branch in {city}.",
]
ACCOUNT = ["Our customer number is {customer}.", "Please confirm this by mail.", "I could not find it under Settings > Subscription.",
           "Our accountant needs it before the end of the month.", "This is the second time that I write about it.", "{person} from our office knows the details."]
# What some put behind the subject.
TAILS = {
    "bug": [" since {ver}", " ({city})", ", again", " - please help", " / {person}", " - started {since}"],
    "feature": [" please", " ({city})", " - any plans?", " for our {n} branches", ", please consider"],
    "question": [" ({city})", " - {person}", " (version {ver})", " - quick question"],
    "billing": [" ({city})", " - customer {customer}", " - {person}", ", second request"],
    "access": [" - {person}", " ({city})", " on {device}", " since {time} today"],
}


def version(day):
    minor = [name for start, name in RELEASES if start <= day][-1]
    return minor + "." + str(random.choice([0, 0, 1, 2, 3]) if minor != "5.4" else random.choice([0, 0, 1]))


def fill(text, slots):
    out, rest = "", text
    while "{" in rest:
        before, rest = rest.split("{", 1)
        name, rest = rest.split("}", 1)
        if name == "n":
            value = str(random.randint(2, 9))
        elif name == "inv":
            value = f"2026-{random.randint(1000, 4800)}"
        elif name == "customer":
            value = f"TD-{random.randint(10200, 19800)}"
        elif name in slots:
            value = slots[name]
        else:
            value = random.choice(SLOTS[name])
        out += before + value
    return out + rest


def is_open(day):
    return day.weekday() < 5 and day not in HOLIDAYS


def hours_of(day):
    start = datetime(day.year, day.month, day.day, 9, 0, tzinfo=LOCAL)
    return start, start + timedelta(hours=7 if day.weekday() == 4 else 8.5)


def after_business(start, hours):
    """The moment at which so many hours of business have passed since start."""
    left, day = timedelta(hours=hours), start.astimezone(LOCAL).date()
    while True:
        if is_open(day):
            opens, closes = hours_of(day)
            begin = max(opens, start)
            if begin < closes:
                if begin + left <= closes:
                    return (begin + left).astimezone(UTC).replace(microsecond=0)
                left -= closes - begin
        day += timedelta(days=1)


def created_on(day):
    hour = random.choices(range(6, 23), [1, 4, 9, 12, 11, 9, 6, 7, 9, 9, 8, 7, 5, 3, 2, 2, 1])[0]
    moment = datetime(day.year, day.month, day.day, hour, random.randrange(60), random.randrange(60), tzinfo=LOCAL)
    return moment.astimezone(UTC)


def days():
    """One entry for each ticket: more on Mondays, few at weekends, slowly growing."""
    weights, all_days, day = [], [], FIRST
    while day <= LAST:
        weekday = [1.45, 1.15, 1.05, 1.0, 0.9, 0.28, 0.2][day.weekday()]
        growth = 0.85 + 0.4 * (day - FIRST).days / (LAST - FIRST).days
        holiday = 0.3 if day in HOLIDAYS else 1.0
        weights.append(weekday * growth * holiday)
        all_days.append(day)
        day += timedelta(days=1)
    chosen = random.choices(all_days, weights, k=250)
    recent = [d for d in all_days if d >= EMERGING_FROM]
    emerging = random.choices(recent, [(1 + i) * (0.25 if d.weekday() > 4 else 1) for i, d in enumerate(recent)], k=16)
    return sorted([(d, False) for d in chosen] + [(d, True) for d in emerging])


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def subject_of(kind, component, subject, slots):
    tails = list(TAILS[kind])
    if kind == "bug" and component in ("calendar", "calendar-sync", "online-booking", "sign-in", "reports"):
        tails += [" in {browser}", " (version {ver}, {browser})"]
    if kind == "bug" and component == "mobile-app":
        tails += [" on {device}", " (app {ver})"]
    if random.random() < 0.6:
        tail = random.choice(tails)
        subject = subject[:-1] + tail + "?" if subject.endswith("?") and "?" not in tail else subject + tail
    subject = fill(subject, slots)
    return random.choices([subject, subject.lower(), "Urgent: " + subject, "Re: " + subject], [30, 3, 1, 1])[0]


def text_of(kind, component, bodies, slots, used):
    extra = {"feature": WISH, "question": ASK, "billing": ACCOUNT}.get(kind)
    if extra is None:
        extra = EVERYWHERE + CONTEXT.get(component, BROWSER)
    for _ in range(50):
        opener, closer = random.choice(OPENERS), random.choice(CLOSERS)
        middle = random.sample(extra, random.choice([0, 1, 1, 2]))
        body = random.choice(bodies)
        listed = "\n1. " in body
        joined = "\n\n".join([body] + middle) if listed else " ".join([body] + middle)
        text = fill("\n\n".join(part for part in [opener, joined, closer] if part), slots)
        if text not in used:
            used.add(text)
            return text
    raise RuntimeError("the texts are used up")


def team_of(component):
    return next(team for team in TEAMS if component in team["components"])


def make_tickets():
    usual = [s for s in SCENARIOS if s[4] > 0]
    emerging = next(s for s in SCENARIOS if s[0] == "payment-pending")
    tickets, used = [], set()
    for index, (day, is_emerging) in enumerate(days()):
        scenario = emerging if is_emerging else random.choices(usual, [s[4] for s in usual])[0]
        _, kind, component, product, weight, levels, subjects, bodies = scenario
        slots = {"ver": version(day), "person": random.choice(PEOPLE)}
        slots |= {name: random.choice(SLOTS[name]) for name in ("browser", "device", "city", "service", "month")}
        firm, tier = random.choice(FIRMS)
        slots["me"] = random.choice([p for p in PEOPLE if p != slots["person"]])
        # What recurs is told in any combination; elsewhere a subject belongs to one of the bodies.
        chosen = random.randrange(len(subjects))
        if not is_emerging and weight < 12:
            bodies = [bodies[chosen % len(bodies)]]
        created = created_on(day)
        level = int(random.choice(levels))
        pace = {"enterprise": 0.55, "professional": 1.0, "starter": 1.5}[tier]
        answer = random.lognormvariate(0.3, 0.9) * pace * [0.4, 0.7, 1.2, 1.8][level]
        work = random.lognormvariate({"bug": 2.9, "feature": 3.6, "question": 1.2, "billing": 1.9, "access": 0.6}[kind], 0.9) * pace
        work *= [0.5, 0.8, 1.1, 1.4][level] * (1.8 if is_emerging else 1.0)
        first = after_business(created, answer)
        resolved = after_business(first, work)
        members = team_of(component)["members"]
        assignee = random.choice(members)
        if resolved > AS_OF:
            resolved = None
            status = random.choice(["in progress", "in progress", "waiting for customer", "open"])
        else:
            status = "closed" if AS_OF - resolved > timedelta(days=7) else random.choice(["resolved", "closed"])
        if first > AS_OF:
            first, assignee, status = None, None, "open"
        satisfaction = None
        if resolved and random.random() < 0.45:
            days_taken = (resolved - created).total_seconds() / 86400
            satisfaction = max(1, min(5, round(random.gauss(4.6 - 0.22 * days_taken, 0.8))))
        words = ["Blocker", "High", "Medium", "Low"]
        tickets.append({
            "id": f"TW-{2001 + index}",
            "created_at": stamp(created),
            "first_response_at": stamp(first),
            "resolved_at": stamp(resolved),
            "status": status,
            "priority": None if random.random() < 0.12 else words[level],
            "customer_tier": tier,
            "customer": f"{slots['me'].lower()}@{firm}.example",
            "product": product,
            "subject": subject_of(kind, component, subjects[chosen], slots),
            "description": text_of(kind, component, bodies, slots, used),
            "comments": random.randint(0, 3) if kind in ("question", "access") else random.randint(1, 9),
            "votes": random.randint(0, 14) if kind == "feature" else 0,
            "assignee": assignee,
            "satisfaction": satisfaction,
            "labels": [component] + (["escalated"] if level == 0 and tier == "enterprise" else []),
        })
    return tickets


def blemish(tickets):
    """What real exports have: gaps, and a few times that cannot be right or cannot be read."""
    for ticket in random.sample(tickets, 9):
        ticket["customer_tier"] = None
    for ticket in random.sample(tickets, 5):
        ticket["description"] = ""
    for ticket in random.sample(tickets, 6):
        ticket["product"] = None
    for ticket in random.sample([t for t in tickets if t["labels"] == [t["labels"][0]]], 12):
        ticket["labels"] = []
    resolved = [t for t in tickets if t["status"] == "closed"]
    early, unread, unknown, no_time = random.sample(resolved, 4)
    created = datetime.strptime(early["created_at"], "%Y-%m-%dT%H:%M:%SZ")
    early["resolved_at"] = stamp(created - timedelta(days=1, hours=2))
    unread["resolved_at"] = "2026-06-31 25:00"
    unknown["status"] = "parked"
    no_time["resolved_at"] = None
    tickets[-1]["created_at"] = "2026-10-02T08:12:44Z"
    for key in ("first_response_at", "resolved_at", "satisfaction", "assignee"):
        tickets[-1][key] = None
    tickets[-1]["status"] = "open"


def github(tickets):
    """As `gh issue list --state all --json …` writes it."""
    rows = []
    for number, t in enumerate(tickets, 101):
        comments = []
        if t["first_response_at"]:
            comments = [{"id": f"IC_{number}", "author": {"login": t["assignee"].split()[0].lower()}, "authorAssociation": "MEMBER",
                         "body": "Thanks, we are looking into it.", "createdAt": t["first_response_at"]}]
        ended = t["resolved_at"] is not None
        rows.append({
            "assignees": [{"login": t["assignee"].split()[0].lower(), "name": t["assignee"]}] if t["assignee"] else [],
            "author": {"is_bot": False, "login": t["customer"].split("@")[0] + "-" + t["customer"].split("@")[1].split(".")[0]},
            "body": t["description"].replace("\n", "\r\n"),
            "closedAt": t["resolved_at"] if ended else None,
            "comments": comments,
            "createdAt": t["created_at"],
            "labels": [{"id": f"LA_{label}", "name": label, "description": "", "color": "ededed"}
                       for label in t["labels"] + ([f"priority: {t['priority'].lower()}"] if t["priority"] else [])],
            "number": number,
            "reactionGroups": [{"content": "THUMBS_UP", "users": {"totalCount": t["votes"]}}] if t["votes"] else [],
            "state": "CLOSED" if ended else "OPEN",
            "title": t["subject"],
            "url": f"https://github.com/tidewell-example/app/issues/{number}",
        })
    return rows


def jira_time(text):
    """Jira's default: 12/Mar/24 3:04 PM, in the exporter's own zone and without seconds."""
    if not text:
        return ""
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).astimezone(LOCAL)
    hour = moment.hour % 12 or 12
    return f"{moment.day:02}/{'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split()[moment.month - 1]}/{moment:%y} {hour}:{moment.minute:02} {'AM' if moment.hour < 12 else 'PM'}"


def jira_status(ticket):
    return {"open": "To Do", "in progress": "In Progress", "waiting for customer": "Waiting for customer",
            "resolved": "Resolved", "closed": "Done"}[ticket["status"]]


def jira_type(ticket):
    if ticket["votes"] > 0:
        return "New Feature"
    return "Support" if "?" in ticket["subject"] else "Bug"


def jira_csv(tickets):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Summary", "Issue key", "Issue id", "Issue Type", "Status", "Project key", "Project name", "Priority",
                     "Resolution", "Assignee", "Reporter", "Created", "Updated", "Resolved", "Component/s", "Labels", "Labels",
                     "Description", "Votes", "Custom field (Customer tier)", "Comment", "Comment", "Comment"])
    for number, t in enumerate(tickets, 31):
        note = jira_time(t["first_response_at"])
        comments = [f"{note};{t['assignee']};Thanks, we are looking into it."] if note else []
        comments += [f"{jira_time(t['resolved_at'])};{t['assignee']};Done, please try again."] if t["resolved_at"] else []
        writer.writerow([t["subject"], f"TIDE-{number}", 10000 + number, jira_type(t), jira_status(t), "TIDE", "Tidewell", t["priority"] or "",
                         "Done" if t["resolved_at"] else "", t["assignee"] or "", t["customer"], jira_time(t["created_at"]),
                         jira_time(t["resolved_at"] or t["created_at"]), jira_time(t["resolved_at"]), (t["labels"] + [""])[0],
                         "import-2026", (t["labels"] + ["", ""])[1], t["description"], t["votes"], t["customer_tier"] or ""] + (comments + [""] * 3)[:3])
    return out.getvalue()


def document(text):
    """The text as an Atlassian document."""
    content = []
    for block in text.split("\n\n"):
        lines = block.split("\n")
        if lines[0].startswith("1. ") or (len(lines) > 1 and lines[1].startswith("1. ")):
            if not lines[0].startswith("1. "):
                content.append({"type": "paragraph", "content": [{"type": "text", "text": lines.pop(0)}]})
            items = [{"type": "listItem", "content": [{"type": "paragraph", "content": [{"type": "text", "text": line.split(". ", 1)[1]}]}]}
                     for line in lines]
            content.append({"type": "orderedList", "attrs": {"order": 1}, "content": items})
            continue
        inline = []
        for line in lines:
            inline += [{"type": "text", "text": line}, {"type": "hardBreak"}]
        content.append({"type": "paragraph", "content": inline[:-1]})
    return {"type": "doc", "version": 1, "content": content}


def jira_json(tickets):
    def when(text):
        return text and text.replace("Z", ".000+0000")
    issues = []
    for number, t in enumerate(tickets, 61):
        agent = {"displayName": t["assignee"], "accountType": "atlassian", "accountId": f"a{number}"} if t["assignee"] else None
        client = {"displayName": t["customer"], "accountType": "customer", "accountId": f"c{number}"}
        comments = [{"author": agent, "created": when(t["first_response_at"]), "jsdPublic": True,
                     "body": document("Thanks, we are looking into it.")}] if t["first_response_at"] else []
        fields = {
            "summary": t["subject"], "description": document(t["description"]) if t["description"] else None,
            "issuetype": {"name": jira_type(t)}, "project": {"key": "DESK", "name": "Tidewell Service Desk"},
            "status": {"name": jira_status(t), "statusCategory": {"key": "done" if t["resolved_at"] else "indeterminate"}},
            "priority": {"name": t["priority"]} if t["priority"] else None, "labels": t["labels"][1:],
            "components": [{"name": t["labels"][0]}] if t["labels"] else [], "assignee": agent, "reporter": client,
            "created": when(t["created_at"]), "resolutiondate": when(t["resolved_at"]), "votes": {"votes": t["votes"]},
            "comment": {"comments": comments, "total": len(comments)},
            "customfield_10035": {"rating": t["satisfaction"]} if t["satisfaction"] else None,
        }
        issues.append({"id": str(20000 + number), "key": f"DESK-{number}", "fields": fields})
    return {"startAt": 0, "maxResults": 50, "total": len(issues), "issues": issues}


def zendesk(tickets):
    users, rows = {}, []
    for number, t in enumerate(tickets, 9001):
        requester = users.setdefault(t["customer"], 500 + len(users))
        word = {"Blocker": "urgent", "High": "high", "Medium": "normal", "Low": "low"}.get(t["priority"])
        status = {"open": "new", "in progress": "open", "waiting for customer": "pending", "resolved": "solved", "closed": "closed"}[t["status"]]
        created = datetime.strptime(t["created_at"], "%Y-%m-%dT%H:%M:%SZ")
        reply = None
        if t["first_response_at"]:
            reply = int((datetime.strptime(t["first_response_at"], "%Y-%m-%dT%H:%M:%SZ") - created).total_seconds() // 60)
        score = "unoffered" if t["satisfaction"] is None else "good" if t["satisfaction"] >= 4 else "bad"
        rows.append({
            "id": number, "url": f"https://tidewell.zendesk.example/api/v2/tickets/{number}.json", "subject": t["subject"],
            "description": t["description"], "status": status, "priority": word, "type": {"Bug": "problem", "New Feature": "task", "Support": "question"}[jira_type(t)],
            "created_at": t["created_at"], "updated_at": t["resolved_at"] or t["created_at"], "requester_id": requester,
            "assignee_id": None, "tags": t["labels"], "satisfaction_rating": {"score": score},
            "metric_set": {"ticket_id": number, "solved_at": t["resolved_at"], "reply_time_in_minutes": {"calendar": reply, "business": None}},
        })
    people = [{"id": id, "name": mail.split("@")[0].title(), "email": mail} for mail, id in users.items()]
    return {"tickets": rows, "users": people, "count": len(rows), "next_page": None}


def save(name, value):
    with open(name, "w", encoding="utf-8", newline="\n") as file:
        file.write(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def main():
    random.seed(20260928)
    tickets = make_tickets()
    usable = [t for t in tickets if t["first_response_at"]]
    parts = [random.sample(usable, 12) for _ in range(4)]
    blemish_free = json.loads(json.dumps(parts))
    blemish(tickets)
    save("tickets.json", {
        "source": "SYNTHETIC: support tickets of the invented product Tidewell, made by sample/generate.py",
        "as_of": stamp(AS_OF),
        "sla_policy": SLA,
        "teams": TEAMS,
        "forecast": {"weeks_ahead": 6, "days_ahead": 28},
        "knowledge_base": [{"id": id, "title": title, "body": body, "url": f"https://help.tidewell.example/{id.lower()}", "tags": [tag]}
                           for id, title, tag, body in ARTICLES],
        "ticket_data": tickets,
    })
    save("github.json", github(blemish_free[0]))
    save("jira.csv", jira_csv(blemish_free[1]))
    save("jira.json", jira_json(blemish_free[2]))
    save("zendesk.json", zendesk(blemish_free[3]))


if __name__ == "__main__":
    main()
