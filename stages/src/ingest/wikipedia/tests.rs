//! Expectations: by hand, from MediaWiki's Help:Formatting, Help:Links and Help:Export.

use std::fs;
use std::io::Write;

use serde_json::json;

use super::super::tests::{read, some, source, texts};
use super::markup::Markup;

#[test]
fn markup_becomes_the_words_a_reader_sees() {
    let markup = Markup::new(["File", "Category", "Datei"].map(str::to_owned).to_vec());
    for (given, expected) in [
        ("", ""),
        ("'''Bold''' and ''italic'' and '''''both'''''.", "Bold and italic and both."),
        ("A [[mill]], a [[windmill|mill in the wind]], [[:File:x.jpg|a file]].", "A mill, a mill in the wind, a file."),
        ("[[File:a.jpg|thumb|A [[mill]] at dusk]]Text[[Category:Mills]]\n[[de:Mühle]]", "Text"),
        ("[[Datei:a.jpg|mini]] Text", "Text"),
        ("See [https://example.com the page] and [https://example.com].", "See the page and ."),
        ("{{Infobox|a={{nested|b}}|c=[[d]]}}The mill{{cite|x}} stands.", "The mill stands."),
        ("Before\n{| class=\"wikitable\"\n! a !! b\n|-\n| {{x}} || y\n|}\nafter", "Before\n\nafter"),
        ("One<ref>Smith 2001</ref> two<ref name=\"a\" /> three<ref name=b>x</ref>.", "One two three."),
        (
            "== History ==\nText\n=== Later ===\n* one\n** two\n# three\n; term\n: meaning",
            "History\nText\nLater\none\ntwo\nthree\nterm\nmeaning",
        ),
        ("a<!-- not\nseen -->b<br />c <span style=\"x\">d</span> <math>x<y</math>e", "ab\nc d e"),
        ("5&nbsp;km &ndash; 3 &lt; 4 &amp; R&D __NOTOC__", "5 km – 3 < 4 & R&D"),
        ("The mill ({{lang|nl|molen}}) turns.", "The mill turns."),
        ("Unclosed {{template and [[link and <ref> and {| table", "Unclosed {{template and [[link and  and {| table"),
        ("empty last {{a|b|}} argument", "empty last  argument"),
        ("日本の[[水車|水車]]です。", "日本の水車です。"),
    ] {
        assert_eq!(markup.plain(given), expected, "{given}");
    }
}

#[test]
fn hostile_markup_takes_linear_time_and_little_stack() {
    let markup = Markup::new(Vec::new());
    for unit in ["{{", "[[", "[[a|", "<ref>", "<!--", "[http://a ", "''", "{|", "&", "<", "__", "]]", "[[a|[[b|x]]"] {
        markup.plain(&unit.repeat(1_000_000 / unit.len()));
    }
    markup.plain(&("[[a|".repeat(50_000) + &"]]".repeat(50_000)));
}

const DUMP: &str = r#"<mediawiki version="0.11" xml:lang="en">
  <siteinfo>
    <sitename>Millpedia</sitename>
    <base>https://wiki.example.org/wiki/Main_Page</base>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="6" case="first-letter">Bild</namespace>
    </namespaces>
  </siteinfo>
  <page>
    <title>Wind &amp; water</title><ns>0</ns><id>12</id>
    <revision><id>7</id><timestamp>2024-03-01T00:00:00Z</timestamp>
      <contributor><username>A</username><id>99</id></contributor>
      <text bytes="80" xml:space="preserve">A '''mill''' grinds&lt;ref&gt;x&lt;/ref&gt; corn.[[Bild:m.jpg|thumb|x]]</text></revision>
  </page>
  <page><title>Talk:Wind</title><ns>1</ns><id>13</id><revision><id>8</id><text>chat</text></revision></page>
  <page><title>Watermill</title><ns>0</ns><id>14</id><redirect title="Wind &amp; water" />
    <revision><id>9</id><text>#REDIRECT [[Wind &amp; water]]</text></revision></page>
  <page><title>Empty</title><ns>0</ns><id>15</id><revision><id>10</id><text bytes="0" /></revision></page>
</mediawiki>
"#;

#[test]
fn pages_are_rows_and_other_pages_are_dropped_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("pages.xml");
    fs::write(&plain, DUMP).unwrap();
    let packed = dir.path().join("pages.xml.bz2");
    // Two streams, as the multistream dumps have.
    let (first, second) = DUMP.as_bytes().split_at(DUMP.len() / 2);
    let mut bytes = Vec::new();
    for half in [first, second] {
        let mut encoder = bzip2::write::BzEncoder::new(&mut bytes, bzip2::Compression::fast());
        encoder.write_all(half).unwrap();
        encoder.finish().unwrap();
    }
    fs::write(&packed, &bytes).unwrap();
    for path in [&plain, &packed] {
        let params = json!({ "files": [path.to_string_lossy()] });
        let rows =
            read(source("wikipedia", &params).as_ref(), &["id", "text", "url", "title", "dropped_by", "_evidence"]);
        assert_eq!(texts(&rows, "id"), some(&["12", "13", "14", "15"]));
        assert_eq!(texts(&rows, "text"), some(&["A mill grinds corn.", "", "", ""]));
        assert_eq!(texts(&rows, "url")[0].as_deref(), Some("https://wiki.example.org/wiki/Wind_&_water"));
        assert_eq!(texts(&rows, "title")[0].as_deref(), Some("Wind & water"));
        let dropped = ["", "in.main_namespace", "in.no_redirect", "in.has_text"];
        assert_eq!(texts(&rows, "dropped_by"), some(&dropped));
        assert!(texts(&rows, "_evidence")[2].as_deref().unwrap().contains("redirects to \\\"Wind & water\\\""));
    }
    // A dump that ends too early costs the page it ends in.
    let cut = dir.path().join("cut.xml");
    fs::write(&cut, &DUMP[..DUMP.find("chat").unwrap()]).unwrap();
    let rows =
        read(source("wikipedia", &json!({ "files": [cut.to_string_lossy()] })).as_ref(), &["text", "dropped_by"]);
    assert_eq!(texts(&rows, "dropped_by"), some(&["", "in.intact_file"]));
}
