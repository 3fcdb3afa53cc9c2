// What is shown without a token: why one is needed, where it is found, and a field for it.
import { Alert, Button, Input } from "antd";
import { type FormEvent, useState } from "react";
import mark from "../mark.svg";
import { useSpeech } from "../words";

export function TokenScreen(props: {
  denied: boolean;
  enter: (token: string) => boolean;
  switchLanguage: () => void;
}) {
  const { say } = useSpeech();
  const [token, setToken] = useState("");
  const [malformed, setMalformed] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setMalformed(!props.enter(token));
  };
  const complaint = malformed ? say("token.form") : props.denied ? say("token.wrong") : null;
  return (
    <main className="token" data-testid="token-screen">
      <form className="panel token-card" onSubmit={submit}>
        <header>
          <img src={mark} alt="" width={36} height={36} />
          <strong>Tandem</strong>
          <Button type="text" onClick={props.switchLanguage} title={say("head.language.tip")}>
            {say("head.language")}
          </Button>
        </header>
        <h1>{say("token.title")}</h1>
        <p>{say("token.text")}</p>
        {complaint !== null && <Alert type="warning" showIcon title={complaint} />}
        <ol>
          <li>{say("token.step1")}</li>
          <li>{say("token.step2")}</li>
        </ol>
        <div className="token-field">
          <Input
            size="middle"
            aria-label={say("token.title")}
            autoComplete="off"
            spellCheck={false}
            value={token}
            onChange={event => setToken(event.target.value)}
          />
          <Button size="middle" type="primary" htmlType="submit" disabled={token.trim() === ""}>
            {say("token.open")}
          </Button>
        </div>
        <small>{say("token.kept")}</small>
      </form>
    </main>
  );
}
