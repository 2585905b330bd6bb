package symbols
import ("testing";"os";"path/filepath";"fmt";"time")
func TestX(t *testing.T){
 fs,_:=filepath.Glob("/tmp/kernels/vmlinuz*"); g,_:=filepath.Glob("/tmp/q10/k/boot/vmlinuz*")
 for _,f:=range append(fs,g...) { b,_:=os.ReadFile(f); t0:=time.Now(); img,err:=Open(b); t1:=time.Now(); if err!=nil{t.Error(f,err);continue}
  s,err:=img.Symbols(); fmt.Println(f,img.Bits,img.Banner,len(img.ELF),len(s),err,t1.Sub(t0),time.Since(t1)); if err!=nil{continue}
  os.WriteFile("/tmp/gw/"+filepath.Base(f)+".elf",img.ELF,0o644)
  o,_:=os.Create("/tmp/gw/"+filepath.Base(f)+".sym"); for _,x:=range s{fmt.Fprintf(o,"%x %c %s\n",x.Addr,x.Type,x.Name)}; o.Close() } }
