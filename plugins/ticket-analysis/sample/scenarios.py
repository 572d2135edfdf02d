"""What the customers of the invented product Tidewell write about: used by generate.py.

A scenario is (key, kind, component, product, weight, priorities, subjects, bodies). Words in braces are filled in by
generate.py for each ticket anew. The weight is the share of the scenario among all tickets.
"""

SCENARIOS = [
    # Recurring issues.
    ("calendar-duplicates", "bug", "calendar-sync", "Tidewell Web", 20, "1122", [
        "Google Calendar sync creates duplicate appointments",
        "Appointments show up twice after calendar sync",
        "Every booking is duplicated in my Google calendar",
        "Duplicate events since I reconnected Google Calendar",
        "Calendar sync: same appointment imported {n} times",
    ], [
        "Since {day} every appointment that we enter in Tidewell appears twice in Google Calendar. {person} already missed a client because of the second entry. Deleting one of them removes both.",
        "I disconnected and reconnected the Google account under Settings > Integrations. After reconnecting, all future bookings were copied again, so {person} now has {n} identical entries for {time}.\n\nSteps to reproduce:\n1. Open Settings > Integrations > Google Calendar\n2. Disconnect, then connect the same account again\n3. Wait for the next sync\n4. Look at any day with bookings",
        "We moved a {service} from {time} to the next day. In Google the old slot stayed and a new one was added. It looks as if the sync creates a new event instead of moving the old one. Version {ver}.",
        "Two-way sync is on for {n} employees. For those with a shared calendar each appointment is written once per employee, which makes the shared calendar unreadable.",
    ]),
    ("sms-late", "bug", "notifications", "Tidewell Web", 17, "1112", [
        "SMS reminders arrive hours too late",
        "Reminder texts sent after the appointment",
        "Text message reminders delayed again",
        "Clients get their reminder SMS at night",
        "Reminders: SMS delivered {n} hours late",
    ], [
        "Our reminders are set to 24 hours before the appointment. Today {n} clients told us that the text came in the middle of the night, some after the appointment was over. We had {n} no-shows.",
        "According to the message log the SMS to the client was handed over at {time}, but it is marked as delivered only hours later. This happens every Monday, on other days it works.",
        "The reminder for a {service} at {time} arrived after the client had left. Is there an outage at your SMS provider? E-mail reminders are on time.",
        "In {city} we are one hour ahead, and the reminders seem to ignore the time zone of the branch. The log says sent at {time}, our clients say otherwise.",
    ]),
    ("csv-encoding", "bug", "exports", "Tidewell Web", 12, "2233", [
        "CSV export shows broken umlauts in Excel",
        "Special characters wrong in client export",
        "Exported client list: names with accents are garbled",
        "Encoding problem in CSV export",
    ], [
        "When I export the client list and open it in Excel, names such as Müller and Jørgensen turn into MÃ¼ller and JÃ¸rgensen. Our accountant cannot work with it.",
        "Reports > Export > CSV. The file itself seems to be UTF-8, but without a mark that Excel recognises. In the version before {ver} it was still fine.",
        "The monthly export for our tax adviser has broken characters in {n} rows. I have to correct them by hand every time.",
    ]),
    ("sso-loop", "bug", "sign-in", "Tidewell Web", 12, "0112", [
        "Endless redirect loop when signing in with SSO",
        "Cannot log in through Microsoft single sign-on",
        "SSO sign-in sends us back to the login page",
        "Login loop with Azure AD",
    ], [
        "None of our staff can sign in since this morning. After entering the password at Microsoft the browser is sent back to the login page, again and again. {browser}, private window makes no difference.",
        "When I sign in by SSO I get `AADSTS50011: The redirect URI specified in the request does not match`. We did not change anything on our side.",
        "After the certificate was renewed, {n} of our users are locked out. Clicking \"Continue with Microsoft\" loads forever and ends on the login page.\n\nError message:\nERR_TOO_MANY_REDIRECTS",
        "Signing in with SSO works on the phone but not in {browser}. The address bar flickers between /login and /sso/callback.",
    ]),
    # The emerging issue: only in the last weeks, see generate.py.
    ("payment-pending", "bug", "payments", "Tidewell Payments", 0, "0011", [
        "Card payments stay on pending since the update",
        "Online payments stuck in status pending",
        "Deposits are charged but booking remains unpaid",
        "Payment pending although the client was charged",
        "Checkout: payment never confirmed after 5.4",
        "Prepaid bookings cancelled because payment is pending",
    ], [
        "Since the update to {ver} online card payments stay on pending. The money has left the client's account, but the booking is shown as unpaid and is cancelled after 30 minutes. {n} clients so far.",
        "A client paid {amount} EUR for a {service}, the bank shows the charge, Tidewell says pending. The webhook log has `PaymentError: signature verification failed` for each of them.",
        "After paying, the checkout spins and then says \"We could not confirm your payment\". The card is charged nevertheless. One client was charged twice because she tried again. This needs a fix today, we are losing bookings.",
        "3-D Secure payments are not confirmed any more. It worked until last week. Payments without 3-D Secure go through. Browser {browser}, Tidewell {ver}.",
        "Deposits of {amount} EUR are taken but the appointment is released again. All branches are affected. I had to call {n} clients and apologise.",
    ]),
    # Other bugs.
    ("invoice-rounding", "bug", "invoicing", "Tidewell Web", 6, "1122", [
        "Invoice total differs by one cent from the line items",
        "VAT rounding wrong on invoices with discount",
        "Totals do not add up on invoice",
    ], [
        "On invoice {inv} the line items sum up to {amount} EUR, but the total is one cent more. It happens as soon as a percentage discount is applied.",
        "We sell vouchers with 7 % and services with 19 % VAT. With both on one invoice the VAT amount is rounded per line and again in total. Our tax adviser rejects these invoices.",
    ]),
    ("invoice-number-gap", "bug", "invoicing", "Tidewell Web", 3, "12", [
        "Gap in invoice numbers after cancelled checkout", "Invoice numbers skipped",
    ], [
        "Invoice numbers must be consecutive here. When a client cancels at the payment page, the number is used up. Between {inv} and the next one there are {n} missing.",
        "Our auditor found that numbers are missing in the {city} branch. It seems that deleted drafts consume a number.",
    ]),
    ("mobile-crash", "bug", "mobile-app", "Tidewell Mobile", 9, "1123", [
        "App crashes when opening a client with attachments",
        "Android app closes itself on client details",
        "Mobile app crash after taking a photo",
        "App crashes on {device}",
    ], [
        "The app crashes whenever I tap on a client who has more than a few photos. {device}, app version {ver}. Other clients open normally.",
        "1. Open the app and go to Clients\n2. Tap on a client with attachments\n3. Tap on the newest photo\n\nThe app closes. In the system log: java.lang.OutOfMemoryError: Failed to allocate a {n}12345 byte allocation",
        "After taking a before/after picture the screen goes black and the app is gone. The picture is lost as well. I tried reinstalling on {device}.",
    ]),
    ("mobile-offline", "bug", "mobile-app", "Tidewell Mobile", 6, "122", [
        "Notes written offline are lost", "Offline mode: treatment notes disappeared", "Notes vanish when the phone reconnects",
    ], [
        "In our treatment room there is no reception. I wrote notes for {n} clients, and when the phone was back online they were gone. Please tell me whether they can be recovered.",
        "Notes entered while offline are overwritten by the older version from the server as soon as {device} reconnects. We lost a whole morning of documentation.",
    ]),
    ("slow-calendar", "bug", "calendar", "Tidewell Web", 8, "2223", [
        "Week view takes very long to load", "Calendar extremely slow with many employees", "Performance of the day view has become poor",
    ], [
        "With {n} employees the week view needs about {n} seconds to load. Day view is fine. {browser} on a new laptop.",
        "Since version {ver} scrolling in the calendar is very slow and the browser shows high CPU usage. It was fast before the update.",
        "Switching from one branch to another takes ages, mostly in the morning around {time}. In the afternoon it is bearable.",
    ]),
    ("timezone-shift", "bug", "calendar", "Tidewell Web", 5, "122", [
        "Appointments shifted by one hour for remote staff", "Wrong time shown for online consultations",
    ], [
        "{person} works from Lisbon. All online consultations are shown one hour early in the confirmation mail, while the calendar shows the right time.",
        "A client in London booked {time} on the website and got a confirmation for an hour later. The setting of the branch is {city}.",
    ]),
    ("waitlist-double", "bug", "online-booking", "Tidewell Web", 5, "112", [
        "Two clients were given the same slot from the waiting list", "Waiting list double-books", "Same slot offered and confirmed twice",
    ], [
        "A slot at {time} became free and two clients on the waiting list confirmed it at nearly the same moment. Both got a confirmation. Looks like a race condition.",
        "Waiting list sent an offer for a {service} to {n} people and accepted two of them. We had to send one home.",
    ]),
    ("widget-blank", "bug", "online-booking", "Tidewell Web", 6, "011", [
        "Widget broken: Uncaught TypeError in console", "Online booking page does not load", "Booking widget stays blank on our website",
    ], [
        "The booking widget on our site shows only a white area since {day}. Console: Uncaught TypeError: Cannot read properties of undefined (reading 'services'). Nobody can book online.",
        "Our online booking is down for everyone. {browser} reports 502 Bad Gateway for book.tidewell.example/api/v2/slots.",
        "After you changed the embed code, the widget is blank when the page is opened on {device}. On the desktop it works.",
    ]),
    ("email-spam", "bug", "notifications", "Tidewell Web", 5, "22", [
        "Booking confirmations not received by clients with Outlook addresses", "Confirmation mails end up in spam",
    ], [
        "Several clients with Outlook addresses do not receive confirmations. Your log says delivered. The header shows that SPF passes but DKIM fails for our own domain.",
        "For about a week confirmation mails are filed as junk. We did not change our DNS. Can you check the reputation of the sending server?",
    ]),
    ("import-fails", "bug", "import", "Tidewell Web", 6, "223", [
        "Client import stops at row {n}00", "Import of client list fails without explanation", "CSV import: Error 422",
    ], [
        "I try to import {n}50 clients from our old system. After a while it says \"Import failed\" and nothing else. How am I supposed to find the faulty row?",
        "The import ends with HTTP 422 at row {n}00. If I delete that row it stops at the next one. The file was made with your own template.",
        "Phone numbers lose their leading zero when importing clients, so reminders go nowhere.",
    ]),
    ("webhook-retries", "bug", "api", "Tidewell API", 5, "122", [
        "Webhooks for cancelled bookings are not sent", "Webhook delivery stops after one failure", "booking.cancelled webhook missing",
    ], [
        "We receive `booking.created` and `booking.updated`, but no `booking.cancelled` since {day}. The endpoint answers 200 within 100 ms.",
        "When our endpoint returned 503 for two minutes, Tidewell disabled the webhook for good. According to the documentation there are {n} retries.",
    ]),
    ("api-429", "bug", "api", "Tidewell API", 5, "223", [
        "API returns 429 although we are far below the limit", "Rate limit counts wrong", "GET /v2/clients: 429 Too Many Requests",
    ], [
        "We call `GET /v2/clients` once a minute and get 429 Too Many Requests about every tenth time. The header `X-RateLimit-Remaining` says {n}0.",
        "Since {ver} the rate limit seems to be shared between all keys of the account. Our two integrations block each other.",
    ]),
    ("api-pagination", "bug", "api", "Tidewell API", 3, "23", [
        "Pagination of /v2/appointments skips records", "API cursor loses appointments",
    ], [
        "Paging through `/v2/appointments` with `limit=100` misses a few appointments whenever one is created meanwhile. With `limit=500` I get all of them. Reproducible with curl.",
    ]),
    ("report-wrong", "bug", "reports", "Tidewell Web", 6, "122", [
        "Revenue report shows wrong total for {month}", "Numbers in the utilisation report are incorrect", "Report and dashboard do not match",
    ], [
        "The revenue report for {month} says {amount}00 EUR, the sum of the invoices is different. It seems that cancelled invoices are counted.",
        "Utilisation of {person} is shown as 140 %. Breaks and holidays are obviously counted as working time.",
        "Dashboard and monthly report show different numbers of new clients for {month}. Which one is right?",
    ]),
    ("permissions-leak", "bug", "permissions", "Tidewell Web", 3, "00", [
        "Receptionist can see clients of another branch", "Security: employee can access other customer's documents",
    ], [
        "A user with the role Receptionist in {city} can open client records of all other branches by changing the number in the address bar. This is a privacy problem, please treat as urgent.",
        "With a copied link one of our therapists could download a document of another customer's account. I consider this a security issue and expect an answer today.",
    ]),
    ("print-layout", "bug", "calendar", "Tidewell Web", 3, "33", [
        "Printed day plan cuts off the last column", "Print view: text overlaps",
    ], [
        "When printing the day plan in landscape the last employee is cut off. {browser}.",
        "Long client names overlap with the phone number in the printed list. Not dramatic, but ugly.",
    ]),
    ("gift-voucher", "bug", "payments", "Tidewell Payments", 4, "22", [
        "Voucher balance not reduced after redemption", "Gift voucher can be redeemed twice",
    ], [
        "A voucher of {amount} EUR was redeemed for a {service}, but its balance is unchanged. The client could use it again.",
        "If a redeemed voucher's invoice is cancelled and created again, the voucher is booked twice.",
    ]),
    # Feature requests.
    ("feat-dark", "feature", "calendar", "Tidewell Web", 4, "33", [
        "Dark mode for the calendar", "Please add a dark theme", "Feature request: dark mode",
    ], [
        "We work in dimmed rooms and the white calendar is very bright. A dark theme would be great, ideally following the system setting.",
        "It would be nice if there was a dark mode, at least for the tablet at the reception.",
    ]),
    ("feat-recurring", "feature", "calendar", "Tidewell Web", 6, "233", [
        "Recurring appointments with exceptions", "Allow series of appointments to skip holidays", "Would like recurring bookings every {n} weeks",
    ], [
        "Many of our clients come every {n} weeks. It would help to create a series in one go and to leave out public holidays automatically.",
        "Please allow moving a single appointment of a series without breaking the rest of it.",
        "A series should end after a number of appointments, because health insurance pays for {n} sessions only.",
    ]),
    ("feat-whatsapp", "feature", "notifications", "Tidewell Web", 6, "23", [
        "Reminders by WhatsApp", "Add WhatsApp as reminder channel", "Suggestion: reminders over messenger instead of SMS",
    ], [
        "Most of our clients do not read SMS any more. Reminders by WhatsApp would save us {n} calls a week.",
        "Could you support WhatsApp Business for confirmations and reminders? We would pay extra for it.",
    ]),
    ("feat-multilang", "feature", "online-booking", "Tidewell Web", 4, "23", [
        "Booking page in several languages", "Add Polish to the online booking",
    ], [
        "About a third of our clients in {city} do not speak German. A language switch on the booking page would be very helpful.",
        "Please make the texts of the booking widget translatable. We would gladly supply the Polish version ourselves.",
    ]),
    ("feat-export-xlsx", "feature", "exports", "Tidewell Web", 4, "33", [
        "Export to Excel instead of CSV", "Scheduled export of reports by mail", "XLSX export for reports",
    ], [
        "We would like to export reports directly as an Excel workbook, with one sheet per branch.",
        "It would be great if the monthly report could be sent by mail to our accountant on the first of each month.",
    ]),
    ("feat-roles", "feature", "permissions", "Tidewell Web", 4, "23", [
        "More fine-grained roles", "Role that may see the calendar but no prices", "Custom permissions for trainees",
    ], [
        "Trainees should be able to see the calendar but neither prices nor revenue. At present there are only three roles.",
        "We need a role for our cleaning staff: calendar of the rooms only, no client names. Is that planned?",
    ]),
    ("feat-api-bulk", "feature", "api", "Tidewell API", 3, "33", [
        "Bulk endpoint for updating clients", "API: filter appointments by employee",
    ], [
        "To keep our CRM in step we update {n}000 clients every night, one request each. A bulk endpoint such as `PATCH /v2/clients` would make this much lighter.",
        "Please add a filter `employee_id` to `GET /v2/appointments`. Now we have to fetch everything and filter ourselves.",
    ]),
    ("feat-resources", "feature", "calendar", "Tidewell Web", 4, "23", [
        "Book rooms and devices together with the employee", "Resource planning for rooms",
    ], [
        "A {service} needs a room and a laser device. It would be helpful if the calendar blocked both when an appointment is made.",
        "We have {n} therapists but fewer rooms. Online booking should not offer slots when no room is free.",
    ]),
    ("feat-deposit", "feature", "payments", "Tidewell Payments", 4, "23", [
        "Deposit as a percentage of the price", "Charge no-show fee automatically", "Apple Pay and Google Pay in checkout",
    ], [
        "At the moment deposits are a fixed amount. For long treatments we would like to ask for {n} % of the price.",
        "After a no-show we want to charge a fee of {amount} EUR to the stored card with one click.",
        "Many clients ask for Apple Pay. Could this be added to the checkout?",
    ]),
    ("feat-mobile-week", "feature", "mobile-app", "Tidewell Mobile", 3, "33", [
        "Week view on the phone", "Widget for the home screen with today's appointments",
    ], [
        "The app only has a day view. A week view in landscape would be enough for me.",
        "I would love to see my next appointment on the lock screen of {device} without opening the app.",
    ]),
    # Questions.
    ("q-vat", "question", "invoicing", "Tidewell Web", 5, "233", [
        "How do I set a different VAT rate for one service?", "Question about VAT on vouchers", "Where can I change the tax rate?",
    ], [
        "Some of our services are exempt from VAT. Where do I enter this? Under Settings > Services I only find the price.",
        "Do I have to charge VAT when the voucher is sold or when it is redeemed, and how do I set this up in Tidewell?",
    ]),
    ("q-delete-client", "question", "privacy", "Tidewell Web", 5, "23", [
        "How to delete a client completely (GDPR)?", "Deletion of personal data on request", "What happens to invoices when I delete a client?",
    ], [
        "A former client asks us to delete all her data. When I delete the client, are the invoices kept? We have to keep those for ten years.",
        "Is there a record of who deleted which client and when? Our data protection officer asks for it.",
    ]),
    ("q-add-user", "question", "permissions", "Tidewell Web", 6, "33", [
        "How can I add another employee?", "Adding a freelancer to the calendar", "Does an apprentice need a paid seat?",
    ], [
        "{person} starts on the first of next month. How do I add her so that clients can book her online?",
        "We work with a freelancer two days a week. Do I need a full licence for her or is there something smaller?",
        "Where do I see how many seats are left in our plan?",
    ]),
    ("q-sync-outlook", "question", "calendar-sync", "Tidewell Web", 4, "33", [
        "Can I connect Outlook as well as Google?", "Is there a sync with Apple Calendar?",
    ], [
        "One of us uses Outlook, the others Google. Can both be connected at the same time?",
        "How often is the calendar synchronised, and can I trigger it by hand?",
    ]),
    ("q-api-key", "question", "api", "Tidewell API", 4, "33", [
        "Where do I find my API key?", "Which scopes does the read-only key have?", "Is there a sandbox for the API?",
    ], [
        "I would like to connect our website to Tidewell. Where can I create an API key, and is there a test account?",
        "Does the read-only key cover `/v2/invoices`? The documentation mentions only clients and appointments.",
    ]),
    ("q-opening-hours", "question", "online-booking", "Tidewell Web", 5, "33", [
        "How to block online booking during our holidays?", "Different opening hours in summer", "Can I limit how far ahead clients may book?",
    ], [
        "We close for {n} days in {month}. What is the best way to block online booking without cancelling the existing appointments?",
        "In summer we open at {time}. Do I have to change this for each employee or is there a setting for the branch?",
        "Clients book half a year ahead and then forget it. Is it possible to limit this to {n} weeks?",
    ]),
    ("q-reminder-text", "question", "notifications", "Tidewell Web", 4, "33", [
        "Can I change the text of the reminder?", "Which placeholders are there for reminder texts?",
    ], [
        "I want to mention our new address in {city} in the reminder. Where is the text, and how long may an SMS be before it costs double?",
        "Is it possible to have different reminder texts for different services? A {service} needs other preparation than the rest.",
    ]),
    # Account and billing.
    ("bill-plan", "billing", "subscription", "Tidewell Account", 6, "23", [
        "Change from monthly to yearly plan", "Wrong number of seats on our subscription invoice", "Please send the invoice to a different address",
    ], [
        "We would like to switch to yearly payment. Will what we paid for {month} be credited?",
        "We were charged for {n} seats but only have fewer employees since {month}. Please correct the invoice.",
        "Our company has moved to {city}. Please issue the invoices from {month} on with the new address.",
    ]),
    ("bill-charged-twice", "billing", "subscription", "Tidewell Account", 4, "11", [
        "Subscription charged twice in {month}", "Double charge on our credit card",
    ], [
        "Our card was charged {amount} EUR twice for the subscription in {month}. Please refund one of them.",
        "There are two charges of {amount} EUR from Tidewell on the statement, but only one invoice.",
    ]),
    ("bill-cancel", "billing", "subscription", "Tidewell Account", 4, "22", [
        "Cancel our subscription", "We want to cancel one of our branches", "Notice of cancellation",
    ], [
        "Please cancel our account at the next possible date and tell us how to export all data before.",
        "We close our branch in {city} at the end of {month}. Please cancel the licence for it and confirm in writing.",
    ]),
    ("acc-locked", "access", "sign-in", "Tidewell Web", 7, "112", [
        "Account locked after wrong passwords", "Password reset mail does not arrive", "Cannot sign in on new phone: lost authenticator",
    ], [
        "I mistyped my password a few times and now the account is locked. We open at {time} and I need the calendar.",
        "The mail for resetting the password never arrives, not even in spam. I tried {n} times.",
        "{person} has a new phone and no longer has the authenticator app. How can we reset the second factor?",
    ]),
]

# id, title, tags, body: what the help centre of Tidewell says.
ARTICLES = [
    ("KB-101", "Avoid duplicate events with Google Calendar", "calendar-sync",
     "Duplicate events appear when a Google account was connected a second time without removing the events of the first connection.\n\n1. Open Settings > Integrations > Google Calendar.\n2. Choose Disconnect and tick \"Remove synchronised events\".\n3. Wait until the status says Disconnected.\n4. Connect the account again and choose one calendar per employee.\n\nEmployees who share one calendar should be synchronised in one direction only, from Tidewell to Google."),
    ("KB-102", "How reminders are scheduled and why a text message may be late", "notifications",
     "Reminders are handed to the SMS provider at the time set under Settings > Notifications. The message log shows when a message was handed over and when the network reported its delivery. If delivery is late, check the branch's time zone first, then the provider's status page. A quiet period from 21:00 to 08:00 can be set so that clients get no message at night."),
    ("KB-103", "Open a CSV export in Excel without broken characters", "exports",
     "Tidewell exports CSV files in UTF-8. Excel assumes another encoding when a file is opened by double click.\n\n1. In Excel choose Data > From Text/CSV.\n2. Select the file and choose 65001: Unicode (UTF-8) as file origin.\n3. Choose the separator and load the data."),
    ("KB-104", "Set up single sign-on with Microsoft Entra ID", "sign-in",
     "The redirect address in the app registration must be exactly https://app.tidewell.example/sso/callback. If users are sent back to the login page, compare it with the address under Settings > Security > SSO, check that the signing certificate is current, and that the users' e-mail addresses are the same in both systems. An administrator can sign in with a password at /login?local=1."),
    ("KB-105", "Reset a password or the second factor", "sign-in",
     "A locked account opens again after 30 minutes. An owner can unlock it at once under Settings > Employees. To reset the second factor, an owner opens the employee's page and chooses Reset two-step verification. If no mail arrives, ask your provider to allow mail from notify.tidewell.example."),
    ("KB-106", "Tax rates, exempt services and vouchers", "invoicing",
     "Tax rates are kept under Settings > Invoicing > Tax. Each service has a rate of its own, which is set on the service's page under Price. For multi-purpose vouchers the tax is due when the voucher is redeemed; choose Multi-purpose on the voucher's page."),
    ("KB-107", "Delete or anonymise a client", "privacy",
     "Choose Anonymise on the client's page to remove all personal data. Invoices are kept, because they must be stored for ten years, and show the name as of the day of issue. The audit log under Settings > Security lists who anonymised which client and when."),
    ("KB-108", "Add employees and seats", "permissions",
     "Add an employee under Settings > Employees > New. A seat is needed for everybody who can be booked. People who only look at the calendar can be given the role Viewer, which needs no seat. The number of seats in use is shown under Settings > Subscription."),
    ("KB-109", "Closing days and booking horizon", "online-booking",
     "Enter closing days for a branch under Settings > Branches > Closing days. Existing appointments remain. Under Online booking > Rules you set how many weeks ahead clients may book and the shortest notice."),
    ("KB-110", "API keys, scopes and rate limits", "api",
     "Keys are made under Settings > Developers. A read-only key covers clients, appointments, services and invoices. The limit is 120 requests a minute for each key; the headers X-RateLimit-Remaining and Retry-After tell where you stand. A sandbox with test data can be ordered free of charge."),
    ("KB-111", "Import clients from a CSV file", "import",
     "Use the template under Clients > Import. Telephone numbers need the country code, or the spreadsheet drops the leading zero. Rows that cannot be read are listed in the import log with line number and reason; the other rows are imported."),
    ("KB-112", "Webhooks: delivery, retries and signatures", "api",
     "Tidewell calls your endpoint up to eight times within a day. After that the webhook is paused and its owner gets a mail. Each call is signed: compute the HMAC of the raw body with the endpoint's secret and compare it with the header Tidewell-Signature."),
    ("KB-113", "Change the texts of confirmations and reminders", "notifications",
     "Texts are kept under Settings > Notifications > Templates, for each service if you like. Placeholders such as {{client.first_name}} are listed beside the field. A text message has 160 characters; longer ones are charged as two."),
    ("KB-114", "Change, pause or cancel your subscription", "subscription",
     "Under Settings > Subscription you can switch between monthly and yearly payment, change the number of seats and the billing address, and cancel a branch. What was paid ahead is credited to the next invoice. Export your data before the end of the term."),
]
